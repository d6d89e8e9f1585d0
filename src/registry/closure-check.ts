import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import type { Narinfo } from "../binary-cache/narinfo.ts";
import { type Closure, collectClosure } from "../commands/closure.ts";
import { PushError } from "../core/errors.ts";
import { findKnownPaths } from "../upload/ask-binary-cache.ts";
import { Limiter } from "../upload/limiter.ts";
import { StagingError } from "../upload/staging-error.ts";
import type { CacheReader } from "./cache-reader.ts";
import { listSome } from "./list-some.ts";
import type { PathSource } from "./path-source.ts";
import type { Verification } from "./verification.ts";
import { verifyPaths } from "./verify.ts";
import { withBinaryCache } from "./with-binary-cache.ts";

/**
 * What Cachix and Attic leave to an upstream if nobody says otherwise (https://docs.cachix.org/upstreams,
 * https://docs.attic.rs).
 */
const DEFAULT_UPSTREAM_KEYS = ["cache.nixos.org-1"];
/** Maximum number of concurrent requests. */
const MAX_REQUESTS = 64;

/** The paths that a cache has with all their references. */
export interface CheckedClosure {
  readonly complete: readonly string[];
  /** Why the others are not; absent if there are none. */
  readonly error?: PushError | undefined;
}

/**
 * Finds out whether a cache has everything that some paths refer to, if its tool may have left something out.
 * The cache is asked for narinfos over HTTP. If it does not answer with one, Nix is asked. What the cache
 * leaves to an upstream is not missing.
 *
 * It never rejects. A store or a cache that does not answer proves nothing.
 *
 * @param roots - paths that the cache has, or leaves to an upstream
 */
export async function checkClosure(
  roots: readonly string[],
  store: PathSource,
  reader: CacheReader,
  verification: Verification,
): Promise<CheckedClosure> {
  if (roots.length === 0) return { complete: [] };
  try {
    const closure = await store.closure();
    const own = collectClosure(roots, closure);
    const asRoots = new Set(roots);
    const referred = [...own.keys()].filter((path) => !asRoots.has(path));
    const known = await findThere(referred, reader, verification);
    const asked = referred.filter((path) => !known.has(path));
    const seen = [...known].flatMap(([path, narinfo]) => (narinfo === undefined ? [] : [path]));
    // References may be signed by others, and a reader who is redirected to an upstream gets them there.
    const { upstreamKeys = DEFAULT_UPSTREAM_KEYS } = verification.cache;
    const unsigned = { requireSignature: undefined, trustedPublicKeys: undefined };
    const cache = { ...verification.cache, ...unsigned, upstreamKeys };
    const { present, upstream, error } = await verifyPaths(asked, {
      ...verification,
      cache,
      subject: "references",
    });
    verification.context.presences.of(cache.id).add([...seen, ...present]);
    const there = new Set([...known.keys(), ...present, ...upstream, ...roots]);
    return judge(roots, own, there, error);
  } catch (error) {
    if (error instanceof PushError && error.code !== "ERR_PUSH_FAILED") return { complete: [], error };
    const reason = error instanceof StagingError || error instanceof PushError ? `: ${error.message}` : "";
    const message = `Whether the cache has all references of the pushed paths is not known${reason}`;
    return { complete: [], error: new PushError("ERR_PUSH_UNVERIFIED", message, roots) };
  }
}

/** The paths whose narinfo the cache returns, or returned recently. If it does not answer, Nix is asked. */
async function findThere(
  paths: readonly string[],
  reader: CacheReader,
  { cache: { id }, host: { storeDirectory }, context }: Verification,
): Promise<ReadonlyMap<string, Narinfo | undefined>> {
  if (paths.length === 0) return new Map();
  const presence = context.presences.of(id);
  const { random } = context.runtime;
  const known = await withBinaryCache(reader, context, { maxConnections: MAX_REQUESTS }, (cache, signal) => {
    const bounds = { limiter: new Limiter(MAX_REQUESTS), signal, storeDirectory };
    return findKnownPaths({ cache, paths, roots: [], presence, random, ...bounds });
  }).catch((error: unknown) => {
    if (error instanceof CacheAnswerError) return undefined;
    throw error;
  });
  return known ?? new Map();
}

function judge(
  roots: readonly string[],
  closure: Closure,
  there: ReadonlySet<string>,
  error: PushError | undefined,
): CheckedClosure {
  const broken = new Set<string>();
  const missing: string[] = [];
  // References come before the paths that refer to them.
  for (const { path, references } of closure.values()) {
    const isReferred = there.has(path);
    if (!isReferred) missing.push(path);
    if (!isReferred || references.some((reference) => broken.has(reference))) broken.add(path);
  }
  const complete = roots.filter((path) => !broken.has(path));
  if (complete.length === roots.length) return { complete };
  const incomplete = roots.filter((path) => broken.has(path));
  const message =
    error?.message ?? `The cache lacks ${listSome(missing)}, to which the pushed paths refer; push again`;
  return { complete, error: new PushError("ERR_PUSH_UNVERIFIED", message, incomplete) };
}
