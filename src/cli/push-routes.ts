import { CACHE_FLAG } from "./cache-flag.ts";
import { COMMON_FLAGS } from "./common-flags.ts";
import { JOURNAL_FLAG } from "./journal-flag.ts";
import { LEDGER_FLAG } from "./ledger-flag.ts";
import { LIMIT_FLAG } from "./limit-flag.ts";
import { BUILD_FLAGS, PUSH_FLAGS } from "./push-flags.ts";
import { buildCommand, buildRouteMap } from "./stricli.ts";
import { toInteger } from "./to-integer.ts";

const text = String;

const PATHS = {
  kind: "array",
  parameter: {
    brief: "Store paths; default those on standard input, as in $OUT_PATHS",
    parse: text,
    placeholder: "path",
  },
} as const;

const plan = buildCommand({
  loader: async () => (await import("./commands/plan.ts")).plan,
  parameters: { flags: { ...COMMON_FLAGS, ...PUSH_FLAGS }, positional: PATHS },
  docs: {
    brief: "Says what a push would do; no credential is read, and nothing is run",
    fullDescription: "Example: eka-caches plan --cache team --repo o/r --branch main /nix/store/…-hello",
  },
});

const push = buildCommand({
  loader: async () => (await import("./commands/push.ts")).push,
  parameters: { flags: { ...COMMON_FLAGS, ...PUSH_FLAGS }, positional: PATHS },
  docs: {
    brief: "Pushes store paths now",
    fullDescription:
      "Example: nix build --print-out-paths | eka-caches push --cache team --repo o/r --branch main",
  },
});

const promote = buildCommand({
  loader: async () => (await import("./commands/promote.ts")).promote,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      ...BUILD_FLAGS,
      job: { ...BUILD_FLAGS.job, default: "promotion" },
      from: { ...CACHE_FLAG, brief: "Id of the cache that has the paths" },
      to: { ...CACHE_FLAG, brief: "Id of the cache that gets them; its permissions decide" },
    },
    positional: PATHS,
  },
  docs: {
    brief: "Copies store paths from one cache to another, without the local store",
    fullDescription:
      "Example: eka-caches promote --from staging --to production --repo o/r --tag v1.2.3 /nix/store/…-hello",
  },
});

const OPTIONAL_LEDGER = {
  ...LEDGER_FLAG,
  brief: "Record the outcome of each path in this ledger, a separate file or a PostgreSQL server",
  optional: true,
} as const;
const JOURNAL_FLAGS = { json: COMMON_FLAGS.json, journal: JOURNAL_FLAG } as const;
const CACHE = { ...CACHE_FLAG, brief: "Only this cache", optional: true } as const;
const PAGE_FLAGS = {
  ...JOURNAL_FLAGS,
  cache: CACHE,
  after: {
    kind: "parsed",
    parse: toInteger(0, Number.MAX_SAFE_INTEGER),
    brief: "Continue after this position, from --json",
    optional: true,
    placeholder: "position",
  },
  limit: LIMIT_FLAG,
} as const;

const IDS = {
  kind: "array",
  parameter: { brief: "Ids of deliveries, as `queue list` shows them", parse: text, placeholder: "id" },
} as const;

const loadQueue = () => import("./commands/queue.ts");
const toDocs = (brief: string, example: string) => ({
  brief,
  fullDescription: `Example: eka-caches queue ${example}`,
});

const list = buildCommand({
  loader: async () => (await loadQueue()).list,
  parameters: {
    flags: {
      ...PAGE_FLAGS,
      state: {
        kind: "enum",
        values: ["waiting", "held", "settled", "dead"],
        brief: "Only deliveries in this state; more than once for several",
        optional: true,
        variadic: true,
      },
    },
  },
  docs: toDocs(
    "Lists deliveries",
    "list --journal /var/lib/eka-ci/pushes.sqlite --state waiting --cache team",
  ),
});

/** A command that changes the given deliveries, or all that it can change. */
function changing(action: "replay" | "drop" | "cancel", what: string, brief: string, example: string) {
  return buildCommand({
    loader: async () => (await loadQueue())[action],
    parameters: {
      flags: {
        ...JOURNAL_FLAGS,
        all: { kind: "boolean", brief: `All ${what}, of --cache if it is given`, default: false },
        cache: { ...CACHE, brief: "With --all: only those of this cache" },
      },
      positional: IDS,
    },
    docs: toDocs(brief, example),
  });
}

const add = buildCommand({
  loader: async () => (await import("./commands/enqueue.ts")).enqueue,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      ...PUSH_FLAGS,
      journal: JOURNAL_FLAG,
      ledger: OPTIONAL_LEDGER,
      store: {
        kind: "parsed",
        parse: text,
        brief: "Name of the Nix store that has the paths",
        default: "local",
        placeholder: "name",
      },
      pushId: {
        kind: "parsed",
        parse: text,
        brief: "Id of the request: repeated, it is accepted once",
        optional: true,
        placeholder: "id",
      },
    },
    positional: PATHS,
  },
  docs: {
    brief: "Passes store paths to the workers; no credential is read, and nothing is pushed here",
    fullDescription:
      "Example: eka-caches queue add --journal /var/lib/eka-ci/pushes.sqlite --cache team --repo o/r --branch main $OUT_PATHS",
  },
});

const FILE = "--journal /var/lib/eka-ci/pushes.sqlite";

const queue = buildRouteMap({
  routes: {
    add,
    status: buildCommand({
      loader: async () => (await loadQueue()).status,
      parameters: { flags: JOURNAL_FLAGS },
      docs: toDocs("Counts what waits, runs and is dead, for each cache", `status ${FILE}`),
    }),
    list,
    show: buildCommand({
      loader: async () => (await loadQueue()).showOne,
      parameters: {
        flags: JOURNAL_FLAGS,
        positional: { kind: "tuple", parameters: [{ ...IDS.parameter, brief: "Id of the delivery" }] },
      },
      docs: toDocs("Shows one delivery, with its request", `show ${FILE} 3f2a…/team`),
    }),
    dead: buildCommand({
      loader: async () => (await loadQueue()).dead,
      parameters: { flags: PAGE_FLAGS },
      docs: toDocs("Lists dead letters, with their last error", `dead ${FILE}`),
    }),
    replay: changing(
      "replay",
      "dead letters",
      "Delivers dead letters again",
      `replay ${FILE} --all --cache team`,
    ),
    drop: changing("drop", "dead letters", "Deletes dead letters", `drop ${FILE} 3f2a…/team`),
    cancel: changing("cancel", "that wait", "Cancels waiting deliveries", `cancel ${FILE} 3f2a…/team`),
  },
  docs: { brief: "Shows and changes a journal" },
});

const worker = buildCommand({
  loader: async () => (await import("./commands/worker.ts")).worker,
  parameters: {
    flags: {
      config: COMMON_FLAGS.config,
      journal: JOURNAL_FLAG,
      ledger: OPTIONAL_LEDGER,
      store: {
        kind: "parsed",
        parse: text,
        brief: "Name of the Nix store of this machine; default local",
        optional: true,
        variadic: true,
        placeholder: "name",
      },
      metrics: {
        kind: "parsed",
        parse: toInteger(0, 65_535),
        brief: "Port on the loopback interface for /metrics and /health; 0 for any",
        optional: true,
        placeholder: "port",
      },
      drainSeconds: {
        kind: "parsed",
        parse: toInteger(0, 86_400),
        brief: "How long running deliveries may go on after SIGTERM",
        default: "60",
        placeholder: "seconds",
      },
    },
  },
  docs: {
    brief: "Takes deliveries from a journal and pushes them, until SIGTERM; SIGHUP reloads the configuration",
    fullDescription: `Example: eka-caches worker ${FILE} --metrics 9464\n\nA second SIGTERM aborts what still runs; another worker takes it over.`,
  },
});

/** Commands that push, or manage what waits to be pushed. */
export const PUSH_ROUTES = { plan, push, promote, queue, worker };
