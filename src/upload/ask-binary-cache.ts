import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { type Narinfo, parseNarinfo } from "../binary-cache/narinfo.ts";
import type { Presence } from "../binary-cache/presence.ts";
import { DEFAULT_STORE_DIRECTORY, parseStorePath, type StorePathOptions } from "../commands/store-path.ts";
import { chooseSome } from "../core/choose-some.ts";
import { PushError } from "../core/errors.ts";
import type { Random } from "../host/runtime.ts";
import type { Limiter } from "./limiter.ts";

/** The file that a cache begins with. */
export const CACHE_INFO = "nix-cache-info";
/** Longest narinfo and first file that are read. Those of Nix have some hundred bytes plus the references. */
export const MAX_NARINFO_BYTES = 1024 * 1024;
/** How many of the remembered paths are asked for anyway. */
const SAMPLE = 4;

/** What requests to a cache need. */
export interface AskBinaryCacheOptions extends StorePathOptions {
  readonly cache: BinaryCache;
  readonly limiter: Limiter;
  readonly signal: AbortSignal;
  /** Called for a redirect, which is not followed; what it leads to counts as missing. */
  readonly onRedirect?: (() => void) | undefined;
}

/**
 * Whether a cache has its first file.
 *
 * @throws {@link PushError} `ERR_CACHE_INCOMPATIBLE` for a cache of a store in another directory
 */
export async function hasCacheInfo(options: AskBinaryCacheOptions): Promise<boolean> {
  const bytes = await read(CACHE_INFO, options);
  return bytes !== undefined && isCacheInfo(bytes, options);
}

/**
 * Whether an answer is the first file of a cache.
 *
 * @throws {@link PushError} `ERR_CACHE_INCOMPATIBLE` for a cache of a store in another directory
 */
export function isCacheInfo(
  answer: Uint8Array,
  { storeDirectory = DEFAULT_STORE_DIRECTORY }: StorePathOptions,
): boolean {
  const text = new TextDecoder().decode(answer);
  const said = /^StoreDir: (.*)$/mu.exec(text)?.[1];
  // A first file without the directory is not replaced; a page that a server returns for everything does not
  // count.
  if (said === undefined) return /^(?:Priority|WantMassQuery): /mu.test(text);
  if (said === storeDirectory) return true;
  const message = "The cache belongs to a store in another directory; name another cache";
  throw new PushError("ERR_CACHE_INCOMPATIBLE", message);
}

/** The paths to ask for. */
export interface FindKnownOptions extends AskBinaryCacheOptions {
  /** Every path that the cache should finally have. */
  readonly paths: Iterable<string>;
  /** The paths that are always asked for. */
  readonly roots: readonly string[];
  /** The remembered paths of the cache. */
  readonly presence?: Presence | undefined;
  readonly random: Random;
}

/**
 * Finds out which paths a cache has. Of the remembered paths only a sample is asked for. If the cache lacks
 * one of it, everything is asked for.
 *
 * @returns the paths, with the narinfos of those that were asked for
 */
export async function findKnownPaths(
  options: FindKnownOptions,
): Promise<ReadonlyMap<string, Narinfo | undefined>> {
  const { presence, random } = options;
  const roots = new Set(options.roots);
  const known = new Map<string, Narinfo | undefined>();
  const [remembered, unknown]: [string[], string[]] = [[], []];
  for (const path of options.paths)
    (presence?.has(path) === true && !roots.has(path) ? remembered : unknown).push(path);
  const sample = new Set(chooseSome(remembered, SAMPLE, () => random.fraction()));
  const ask = async (path: string): Promise<void> => {
    const narinfo = await askNarinfo(path, options);
    if (narinfo !== undefined) known.set(path, narinfo);
  };
  await Promise.all([...unknown, ...sample].map(ask));
  const isWrong = [...sample].some((path) => !known.has(path));
  if (isWrong) {
    presence?.clear();
    await Promise.all(remembered.filter((path) => !sample.has(path)).map(ask));
  } else for (const path of remembered) if (!known.has(path)) known.set(path, undefined);
  return known;
}

/** For how many randomly chosen remembered paths the NAR is checked. */
const MAX_OTHERS = 2;

/**
 * Finds paths whose narinfo exists and whose NAR is missing, for example because a lifecycle rule removed it.
 * It checks the paths that were asked for and two others; if one is lost, all. Without an answer, a NAR does
 * not count as lost.
 */
export async function findLostNars(
  known: ReadonlyMap<string, Narinfo | undefined>,
  { cache, limiter, signal, roots, random }: FindKnownOptions,
): Promise<ReadonlySet<string>> {
  const own = new Set(roots);
  const others = [...known.keys()].filter((path) => known.get(path) !== undefined && !own.has(path));
  const looked = new Set([
    ...roots.filter((path) => known.has(path)),
    ...chooseSome(others, MAX_OTHERS, () => random.fraction()),
  ]);
  const lost = new Set<string>();
  const look = async (path: string): Promise<void> => {
    const url = known.get(path)?.url;
    if (url === undefined || !/^[A-Za-z0-9][A-Za-z0-9._/-]*$/u.test(url)) return;
    const isThere = await limiter
      .run(() => cache.has(url, signal))
      .catch((error: unknown) => {
        if (error instanceof CacheAnswerError) return true;
        throw error;
      });
    if (!isThere) lost.add(path);
  };
  await Promise.all([...looked].map(look));
  // If one is lost, more may be.
  if (lost.size > 0) await Promise.all([...known.keys()].filter((path) => !looked.has(path)).map(look));
  return lost;
}

/** A server that answers every request with a page has nothing. */
async function askNarinfo(path: string, options: AskBinaryCacheOptions): Promise<Narinfo | undefined> {
  const bytes = await read(`${parseStorePath(path, options).hash}.narinfo`, options);
  const narinfo = bytes && parseNarinfo(new TextDecoder().decode(bytes));
  return narinfo?.storePath === path ? narinfo : undefined;
}

/** S3 refuses requests for missing objects if the keys may not list; then the upload will tell. */
async function read(
  key: string,
  { cache, limiter, signal, onRedirect }: AskBinaryCacheOptions,
): Promise<Uint8Array | undefined> {
  try {
    return await limiter.run(() => cache.get(key, { maxBytes: MAX_NARINFO_BYTES, signal }));
  } catch (error) {
    const status = error instanceof CacheAnswerError ? error.answer.status : undefined;
    const isRedirect = status !== undefined && status >= 300 && status < 400;
    if (isRedirect) onRedirect?.();
    if (isRedirect || status === 401 || status === 403) return undefined;
    throw error;
  }
}
