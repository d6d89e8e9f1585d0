import { SignatureRule } from "../binary-cache/signature-rule.ts";
import { batchStorePaths } from "../commands/batch.ts";
import { buildPathInfoCommand, type PathInfo, parsePathInfo } from "../commands/path-info.ts";
import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { askPathInfo } from "./ask-path-info.ts";
import { toCacheReader } from "./cache-reader.ts";
import { addFollowUp } from "./follow-up.ts";
import { listSome } from "./list-some.ts";
import { probeCache } from "./probe-cache.ts";
import { findUpstreamPaths } from "./upstream-paths.ts";
import type { Verification } from "./verification.ts";

/** The result of asking a cache. */
export interface Verified {
  /** The paths that it has, with the required signatures. */
  readonly present: readonly string[];
  /** The paths that it leaves to an upstream. */
  readonly upstream: readonly string[];
  /** Why some are neither there nor left to an upstream; absent if there are none. */
  readonly error?: PushError | undefined;
  /** The question that was not answered, if that is why. */
  readonly failedRun?: ExecutionResult | undefined;
}

/**
 * Asks a cache which paths it has. Exit code 0 of a push tool proves nothing: Nix has exited 0 after failed
 * uploads, and cachix does after skipping paths.
 *
 * It never rejects. A cache that does not answer proves nothing.
 */
export async function verifyPaths(
  storePaths: readonly string[],
  verification: Verification,
): Promise<Verified> {
  const present: string[] = [];
  const upstream: string[] = [];
  let failed: Verified | undefined;
  for (const batch of batchStorePaths(storePaths)) {
    const verified = await verifyBatch(batch, verification);
    present.push(...verified.present);
    upstream.push(...verified.upstream);
    if (verified.error !== undefined) failed ??= verified;
  }
  return { present, upstream, error: failed?.error, failedRun: failed?.failedRun };
}

async function verifyBatch(batch: readonly string[], verification: Verification): Promise<Verified> {
  const { cache, host, nixVersion } = verification;
  const reader = toCacheReader(cache, verification.credentials);
  const input = { ...reader, storePaths: batch, nixVersion, ...host };
  const { answer, error, result } = await askPathInfo(
    (namesFormat) => buildPathInfoCommand(input, namesFormat),
    verification.context,
    {
      // Nothing is uploaded to a substituter.
      explain: async (outcome) =>
        cache.substituter === undefined ? addFollowUp(outcome, verification) : outcome,
    },
  );
  if (error !== undefined) return { ...NOTHING, error, failedRun: result };
  const isRedacted = answer.includes("[redacted]");
  const found = isRedacted ? undefined : parsePathInfo(answer);
  if (found === undefined) return { ...NOTHING, error: unverified(UNREADABLE, undefined) };
  const { gone, elsewhere } =
    verification.subject === "paths"
      ? await probeCache(batch, found, reader, verification)
      : { gone: new Set<string>(), elsewhere: new Set<string>() };
  const there = new Map([...found].filter(([path]) => !gone.has(path) && !elsewhere.has(path)));
  const missing = batch.filter((path) => !found.has(path));
  const redirected = new Map([...found].filter(([path]) => elsewhere.has(path)));
  const upstream = await findUpstreamPaths({ missing, elsewhere: redirected }, verification);
  const expected = batch.filter((path) => !upstream.has(path));
  return { upstream: [...upstream], ...judge(expected, there, new SignatureRule(cache)) };
}

const NOTHING = { present: [], upstream: [] } as const;
const UNREADABLE = "The answer of nix about the cache has an unknown format, so nothing is proven";

function judge(
  batch: readonly string[],
  found: ReadonlyMap<string, PathInfo>,
  rule: SignatureRule,
): Pick<Verified, "present" | "error"> {
  const missing = batch.filter((path) => !found.has(path));
  const unsigned = batch.filter((path) => {
    const info = found.get(path);
    return info !== undefined && !rule.accepts(path, info);
  });
  const failed = new Set([...missing, ...unsigned]);
  const present = batch.filter((path) => !failed.has(path));
  if (missing.length > 0) {
    const message = `The push tool reported success, but the cache does not have ${listSome(missing)}`;
    return { present, error: unverified(message, [...failed]) };
  }
  if (unsigned.length === 0) return { present };
  return { present, error: rule.toError(unsigned, listSome(unsigned)) };
}

function unverified(message: string, storePaths: readonly string[] | undefined): PushError {
  return new PushError("ERR_PUSH_UNVERIFIED", message, storePaths);
}
