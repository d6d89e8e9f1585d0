import { CACHE_FLAG } from "./cache-flag.ts";
import { COMMON_FLAGS } from "./common-flags.ts";
import { LEDGER_FLAG } from "./ledger-flag.ts";
import { LIMIT_FLAG } from "./limit-flag.ts";
import { buildCommand, buildRouteMap } from "./stricli.ts";

const FILTER_FLAGS = {
  ledger: LEDGER_FLAG,
  cache: { ...CACHE_FLAG, brief: "Only of this cache", optional: true },
  repo: {
    kind: "parsed",
    parse: String,
    brief: "Only for this repository",
    optional: true,
    placeholder: "owner/name",
  },
} as const;

const LIST_FLAGS = {
  json: COMMON_FLAGS.json,
  ...FILTER_FLAGS,
  job: { kind: "parsed", parse: String, brief: "Only of this job", optional: true, placeholder: "name" },
  limit: LIMIT_FLAG,
} as const;

const PATH = {
  kind: "tuple",
  parameters: [{ brief: "Only of this store path", parse: String, optional: true, placeholder: "path" }],
} as const;

const FILE = "--ledger /var/lib/eka-ci/ledger.sqlite";
const loadLedger = () => import("./commands/ledger.ts");
const toDocs = (brief: string, example: string) => ({
  brief,
  fullDescription: `Example: eka-caches ledger ${example}`,
});

const ledger = buildRouteMap({
  routes: {
    find: buildCommand({
      loader: async () => (await loadLedger()).find,
      parameters: {
        flags: {
          ...LIST_FLAGS,
          outcome: {
            kind: "enum",
            values: ["pushed", "upstream", "skipped", "denied", "failed"],
            brief: "Only with this outcome; more than once for several",
            optional: true,
            variadic: true,
          },
        },
        positional: PATH,
      },
      docs: toDocs(
        "Says who pushed a path to which cache, and its other outcomes",
        `find ${FILE} /nix/store/…-hello`,
      ),
    }),
    owed: buildCommand({
      loader: async () => (await loadLedger()).owed,
      parameters: { flags: LIST_FLAGS, positional: PATH },
      docs: toDocs("Lists what was denied or given up, and never pushed", `owed ${FILE} --repo o/r`),
    }),
    export: buildCommand({
      loader: async () => (await loadLedger()).exportLedger,
      parameters: { flags: FILTER_FLAGS },
      docs: toDocs("Prints all entries as JSON Lines, the last first", `export ${FILE} > ledger.jsonl`),
    }),
  },
  docs: { brief: "Shows the outcomes of store paths" },
});

/** Commands that read a ledger. */
export const LEDGER_ROUTES = { ledger };
