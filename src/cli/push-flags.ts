import type { PushRequest } from "../index.ts";
import { CACHE_FLAG } from "./cache-flag.ts";
import type { CliContext } from "./cli-context.ts";
import { usage } from "./exit-codes.ts";
import { REQUEST_FLAGS, type RequestFlags, toAccessRequest } from "./request-flags.ts";

/** The flags of a push request. */
export interface PushFlags extends RequestFlags {
  readonly cache: readonly string[];
  readonly job: string;
  readonly commit?: string | undefined;
}

/** The flags that say what was built, for whom, for the parser. */
export const BUILD_FLAGS = {
  ...REQUEST_FLAGS,
  job: { kind: "parsed", parse: String, brief: "Name of the job", default: "manual", placeholder: "name" },
  commit: {
    kind: "parsed",
    parse: String,
    brief: "Commit that was built",
    optional: true,
    placeholder: "sha",
  },
} as const;

/** The flags of a push, for the parser. */
export const PUSH_FLAGS = {
  ...BUILD_FLAGS,
  cache: { ...CACHE_FLAG, brief: "Id of a cache; more than once for several", variadic: true },
} as const;

/** Creates a request from flags, with paths from the arguments, or from standard input if there are none. */
export async function toPushRequest(
  context: CliContext,
  flags: PushFlags,
  paths: readonly string[],
): Promise<PushRequest> {
  const given = paths.length > 0 ? paths : (await context.readInput()).split(/\s+/u);
  const storePaths = given.filter((path) => path !== "");
  if (storePaths.length === 0) throw usage("Give store paths as arguments or on standard input");
  const { parseStorePath } = await import("../index.ts");
  const storeDirectory = context.process.env["NIX_STORE_DIR"] || undefined;
  for (const path of storePaths) parseStorePath(path, { storeDirectory });
  const { cache: caches, job, commit } = flags;
  return { ...toAccessRequest(flags), caches, job, commit, storePaths };
}
