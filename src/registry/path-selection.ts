import { type Closure, collectClosure } from "../commands/closure.ts";
import { parseStorePath } from "../commands/store-path.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { PushError } from "../core/errors.ts";
import { matchesNamePattern } from "../core/name-pattern.ts";
import { StagingError } from "../upload/staging-error.ts";
import { guardClosure, isGuarded } from "./closure-guard.ts";
import type { LocalStore } from "./local-store.ts";
import type { PushContext } from "./push-context.ts";
import type { SkippedPath } from "./push-types.ts";
import { findUpstreamHoldings } from "./upstream-holdings.ts";

/** Where paths are chosen. */
export interface SelectionScope {
  readonly cache: CacheDefinition;
  readonly store: LocalStore;
  readonly context: PushContext;
}

/** The paths that are pushed, and those that rules of the cache leave out. */
export interface Selection {
  readonly storePaths: readonly string[];
  readonly skipped: readonly SkippedPath[];
}

/**
 * Leaves out what rules of the cache say, as far as the store of the host can tell, and looks at the closure of the rest.
 *
 * @throws {@link PushError} `ERR_CLOSURE_REFUSED`; `ERR_PUSH_FAILED` where a rule depends on a closure that the store does not tell
 */
export async function selectPaths(asked: readonly string[], scope: SelectionScope): Promise<Selection> {
  const { cache, store, context } = scope;
  const { exclude = [], maxNarBytes = Number.POSITIVE_INFINITY } = cache;
  const isMeasured = isGuarded(cache) || cache.maxNarBytes !== undefined;
  const closure = isMeasured ? await readClosure(store) : undefined;
  const selection = leaveOut([...new Set(asked)], (path) => {
    const { name } = parseStorePath(path, context.host);
    if (exclude.some((pattern) => matchesNamePattern(pattern, name))) return "excluded";
    return (closure?.get(path)?.narSize ?? 0) > maxNarBytes ? "too-large" : undefined;
  });
  if (closure !== undefined) guardClosure(selection.storePaths, closure, cache, context.host);
  return selection;
}

/** Asks the upstream caches that the cache names; of what is sent directly, also for all that the paths refer to. */
export async function leaveToUpstream(
  wanted: readonly string[],
  isDirect: boolean,
  { cache, store, context }: SelectionScope,
): Promise<Selection & { readonly upstream: ReadonlySet<string> }> {
  if (cache.upstreamCaches === undefined) return { storePaths: wanted, skipped: [], upstream: new Set() };
  // Without a closure nix pushes.
  const closure = isDirect ? await store.closure().catch(() => undefined) : undefined;
  const paths = closure === undefined ? wanted : [...collectClosure(wanted, closure).keys()];
  const upstream = await findUpstreamHoldings(paths, wanted, cache, context);
  return { ...leaveOut(wanted, (path) => (upstream.has(path) ? "upstream" : undefined)), upstream };
}

/** What a rule is about must be known before anything is sent. */
function readClosure(store: LocalStore): Promise<Closure> {
  return store.closure().catch((error: unknown) => {
    if (!(error instanceof StagingError)) throw error;
    throw new PushError("ERR_PUSH_FAILED", `${error.message}, which rules of the cache depend on`);
  });
}

function leaveOut(
  storePaths: readonly string[],
  findReason: (path: string) => SkippedPath["reason"] | undefined,
): Selection {
  const skipped = storePaths.flatMap((path): readonly SkippedPath[] => {
    const reason = findReason(path);
    return reason === undefined ? [] : [{ path, reason }];
  });
  const isSkipped = new Set(skipped.map(({ path }) => path));
  return { storePaths: storePaths.filter((path) => !isSkipped.has(path)), skipped };
}
