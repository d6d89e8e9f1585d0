import { CacheAnswerError } from "../binary-cache/cache-answer-error.ts";
import { type Narinfo, parseNarinfo } from "../binary-cache/narinfo.ts";
import type { SignatureRule } from "../binary-cache/signature-rule.ts";
import { parseStorePath } from "../commands/store-path.ts";
import { type AskBinaryCacheOptions, MAX_NARINFO_BYTES } from "./ask-binary-cache.ts";
import type { StagedPath } from "./stage.ts";

/** The result of reading back the paths that were sent. */
export interface ReadBack {
  /** Paths for which the cache returns something else, or whose NAR is missing. */
  readonly altered: ReadonlySet<string>;
  /** Paths that the cache does not return, to these credentials or at this time. */
  readonly unread: ReadonlySet<string>;
  /** Paths that it returns without the required signature. */
  readonly unsigned: ReadonlySet<string>;
}

/** Reads back paths that were sent, and compares their content; a cache may have added signatures. */
export async function readBack(
  sent: readonly StagedPath[],
  options: AskBinaryCacheOptions,
  signatureRule: SignatureRule | undefined,
): Promise<ReadBack> {
  const altered = new Set<string>();
  const unsigned = new Set<string>();
  const unread = new Set<string>();
  const look = async (staged: StagedPath): Promise<void> => {
    try {
      const there = await findGivenBack(staged, options);
      if (there === undefined) altered.add(staged.path);
      else if (signatureRule?.accepts(staged.path, there) === false) unsigned.add(staged.path);
    } catch (error) {
      if (!(error instanceof CacheAnswerError)) throw error;
      unread.add(staged.path);
    }
  };
  await Promise.all(sent.map(look));
  return { altered, unread, unsigned };
}

/** The narinfo of a path, if it matches what was sent and its NAR is there. */
async function findGivenBack(
  { path, parsed }: StagedPath,
  options: AskBinaryCacheOptions,
): Promise<Narinfo | undefined> {
  const { cache, limiter, signal } = options;
  const key = `${parseStorePath(path, options).hash}.narinfo`;
  const [bytes, hasNar] = await Promise.all([
    limiter.run(() => cache.get(key, { maxBytes: MAX_NARINFO_BYTES, signal })),
    limiter.run(() => cache.has(parsed.url, signal)).catch(isSentElsewhere),
  ]);
  const there = bytes && parseNarinfo(new TextDecoder().decode(bytes));
  return hasNar && there !== undefined && isSame(there, parsed) ? there : undefined;
}

/** A cache may keep NARs on another server and redirect its readers there. */
function isSentElsewhere(error: unknown): boolean {
  const { status = 0 } = error instanceof CacheAnswerError ? error.answer : {};
  if (status >= 300 && status < 400) return true;
  throw error;
}

function isSame(one: Narinfo, other: Narinfo): boolean {
  const isEqual = one.storePath === other.storePath && one.url === other.url && one.narHash === other.narHash;
  return isEqual && one.references.join(" ") === other.references.join(" ");
}
