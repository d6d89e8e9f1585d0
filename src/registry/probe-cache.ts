import { type HttpAccess, toHttpAccess } from "../commands/http-authorization.ts";
import type { PathInfo } from "../commands/path-info.ts";
import { parseStorePath } from "../commands/store-path.ts";
import { chooseSome } from "../core/choose-some.ts";
import type { HttpResponse } from "../host/http-client.ts";
import { askCache } from "./ask-cache.ts";
import type { CacheReader } from "./cache-reader.ts";
import { findGoneNars } from "./gone-nars.ts";
import type { Verification } from "./verification.ts";

/** How many paths of a batch are checked; of more, a random sample. */
const MAX_PROBES = 16;
/** Longest narinfo that is read. Those of Nix have some hundred bytes plus the references. */
const MAX_BYTES = 1024 * 1024;

/** Paths that turn out to be missing. */
export interface ProbedPaths {
  /** Paths whose NAR is missing. */
  readonly gone: ReadonlySet<string>;
  /** Paths for which the cache redirects to another server. */
  readonly elsewhere: ReadonlySet<string>;
}

/**
 * Asks a cache for what Nix does not tell: whether a narinfo comes from the cache itself and not by a
 * redirect, and whether its NAR is there. A cache that does not answer proves nothing; then the answer of Nix
 * counts.
 */
export async function probeCache(
  batch: readonly string[],
  found: ReadonlyMap<string, PathInfo>,
  reader: CacheReader,
  verification: Verification,
): Promise<ProbedPaths> {
  const { random } = verification.context.runtime;
  const named = batch.filter((path) => found.get(path)?.narUrl !== undefined);
  const sample = chooseSome(named, MAX_PROBES, () => random.fraction());
  const access = toHttpAccess(reader.destination, reader.credentials.env);
  if (access !== undefined) return probeHttp(sample, found, access, verification);
  const gone = await findGoneNars(sample, found, reader, verification.context);
  return { gone, elsewhere: new Set() };
}

async function probeHttp(
  sample: readonly string[],
  found: ReadonlyMap<string, PathInfo>,
  access: HttpAccess,
  { context, host }: Verification,
): Promise<ProbedPaths> {
  const gone = new Set<string>();
  const elsewhere = new Set<string>();
  await askCache({ access, maxBytes: MAX_BYTES, context }, (ask) => {
    const probes = sample.map(async (path) => {
      const { hash } = parseStorePath(path, host);
      const narinfo = await ask("GET", `${access.baseUrl}${hash}.narinfo`);
      if (narinfo !== undefined && isElsewhere(narinfo, access.baseUrl)) {
        elsewhere.add(path);
        return;
      }
      const narUrl = toNarUrl(access.baseUrl, found.get(path)?.narUrl ?? "");
      const nar = narUrl === undefined ? undefined : await ask("HEAD", narUrl);
      if (nar !== undefined && isMissing(nar)) gone.add(path);
    });
    return Promise.all(probes);
  });
  return { gone, elsewhere };
}

/**
 * Whether an answer redirects to another host, which is not this cache. Its own host by
 * https is.
 */
function isElsewhere({ status, headers }: HttpResponse, baseUrl: string): boolean {
  const location = headers["location"];
  if (status < 300 || status >= 400 || location === undefined) return false;
  if (!URL.canParse(location, baseUrl)) return true;
  const [to, from] = [new URL(location, baseUrl), new URL(baseUrl)];
  const isUpgrade = from.protocol === "http:" && to.protocol === "https:" && to.hostname === from.hostname;
  return to.origin !== from.origin && !isUpgrade;
}

function isMissing({ status }: HttpResponse): boolean {
  return status === 404 || status === 410;
}

/**
 * The address of a NAR; nothing if it is on another origin, which gets no credentials and is not asked.
 */
function toNarUrl(baseUrl: string, narUrl: string): string | undefined {
  if (!URL.canParse(narUrl, baseUrl)) return undefined;
  const url = new URL(narUrl, baseUrl);
  return url.origin === new URL(baseUrl).origin ? url.href : undefined;
}
