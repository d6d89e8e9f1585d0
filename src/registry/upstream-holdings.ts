import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { parseNarinfo } from "../binary-cache/narinfo.ts";
import type { Presence } from "../binary-cache/presence.ts";
import { parseStorePath } from "../commands/store-path.ts";
import type { CacheDefinition, HttpDestination } from "../core/cache.ts";
import { chooseSome } from "../core/choose-some.ts";
import { quoteName } from "../core/text.ts";
import { MAX_NARINFO_BYTES } from "../upload/ask-binary-cache.ts";
import { Limiter } from "../upload/limiter.ts";
import type { PushContext } from "./push-context.ts";
import { withBinaryCache } from "./with-binary-cache.ts";

/** Maximum number of concurrent requests. */
const MAX_REQUESTS = 64;
/**
 * How long an upstream may take to answer: at most this many milliseconds, and this share of the remaining
 * time of the push.
 */
const TIMEOUT_MS = 15_000;
const SHARE_OF_TIME = 1 / 4;
/** How long an upstream that did not answer is not asked again, in milliseconds. */
const REST_MS = 60_000;
/** How many of the remembered paths are asked for anyway. */
const SAMPLE = 4;

/**
 * Finds out which paths the upstream caches of a cache have. One that does not answer counts as empty, so
 * more is pushed than necessary.
 *
 * @param roots - paths that are always asked for; for the others, answers are remembered
 */
export async function findUpstreamHoldings(
  paths: readonly string[],
  roots: readonly string[],
  { id, upstreamCaches = [] }: CacheDefinition,
  context: PushContext,
): Promise<ReadonlySet<string>> {
  const { presences, deadline, runtime } = context;
  const found = await Promise.all(
    upstreamCaches.map(async (url): Promise<Iterable<string>> => {
      // No cache has an id with a space in it.
      const name = `upstream ${url}`;
      if (presences.isResting(name)) return [];
      try {
        return await askUpstream(url, { paths, roots, presence: presences.of(name) }, context);
      } catch {
        if (deadline.signal.aborted) return [];
        presences.rest(name, REST_MS);
        const what = `The upstream ${quoteName(url, 256)} of ${id} did not answer; it counts as empty`;
        runtime.warn(`${what} for a minute`);
        return [];
      }
    }),
  );
  return new Set(found.flatMap((some) => [...some]));
}

interface Question {
  readonly paths: readonly string[];
  readonly roots: readonly string[];
  readonly presence: Presence;
}

async function askUpstream(
  url: string,
  { paths, roots, presence }: Question,
  context: PushContext,
): Promise<ReadonlySet<string>> {
  const destination: HttpDestination = { type: "http", url, host: new URL(url).hostname };
  const timeoutMs = Math.min(TIMEOUT_MS, context.deadline.remainingMs * SHARE_OF_TIME);
  const bounds = { maxConnections: MAX_REQUESTS, timeoutMs };
  const { host } = context;
  const { random } = context.runtime;
  const reader = { destination, credentials: { env: new Map() } };
  const found = await withBinaryCache(reader, context, bounds, async (cache, signal) => {
    const limiter = new Limiter(MAX_REQUESTS);
    // Only this part of an answer is kept, because an answer may be large.
    const has = async (path: string): Promise<boolean> => {
      const key = `${parseStorePath(path, host).hash}.narinfo`;
      const bytes = await limiter
        .run(() => cache.get(key, { maxBytes: MAX_NARINFO_BYTES, signal }))
        .catch(isNotThere);
      return bytes !== undefined && parseNarinfo(new TextDecoder().decode(bytes))?.storePath === path;
    };
    const ask = async (some: readonly string[]): Promise<readonly string[]> => {
      const answers = await Promise.all(some.map(has));
      return some.filter((_path, index) => answers[index]);
    };
    const own = new Set(roots);
    const remembered = paths.filter((path) => !own.has(path) && presence.has(path));
    const sample = chooseSome(remembered, SAMPLE, () => random.fraction());
    const isRight = (await ask(sample)).length === sample.length;
    if (!isRight) presence.clear();
    const kept = new Set(isRight ? remembered : []);
    const seen = await ask(paths.filter((path) => !kept.has(path)));
    presence.add(seen);
    return new Set([...kept, ...seen]);
  });
  if (found === undefined) throw new Error("This process cannot ask the upstream");
  return found;
}

/** A path that may not be read, or is redirected elsewhere, is not there. */
function isNotThere(error: unknown): undefined {
  const status = error instanceof CacheAnswerError ? (error.answer.status ?? 0) : 0;
  if (status === 401 || status === 403 || (status >= 300 && status < 400)) return undefined;
  throw error;
}
