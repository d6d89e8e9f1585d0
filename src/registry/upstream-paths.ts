import { toAtticApi } from "../commands/http-authorization.ts";
import { buildLocalPathInfoCommand, type PathInfo, parsePathInfo } from "../commands/path-info.ts";
import type { AtticDestination } from "../core/cache.ts";
import { isRecord, readMember } from "../core/own-member.ts";
import { parseStrictJson } from "../core/strict-json.ts";
import { askCache } from "./ask-cache.ts";
import { askPathInfo } from "./ask-path-info.ts";
import type { Verification } from "./verification.ts";

/** Longest configuration of a cache that is read; Attic's own is some hundred bytes. */
const MAX_BYTES = 64 * 1024;

/** Paths that a cache does not have itself. */
export interface AbsentPaths {
  readonly missing: readonly string[];
  /** Paths for which the cache redirects to another server, with that server's information. */
  readonly elsewhere: ReadonlyMap<string, PathInfo>;
}

/**
 * Finds out which paths a cache leaves to an upstream.
 *
 * - Attic's client does not upload a path that carries a signature by a key of an upstream, compared by the
 *   key's name, in the Nix store. The server names the keys for each cache; if it does not answer, those of
 *   the configuration are used.
 * - Cachix does not upload a path that an upstream has, and redirects its readers there. The answer must be
 *   signed by a key of the configuration (https://docs.cachix.org/upstreams). A reference that was left out
 *   must be signed by such a key in the Nix store.
 *
 * It never rejects. A path that is not known to be left to an upstream is missing.
 */
export async function findUpstreamPaths(
  absent: AbsentPaths,
  verification: Verification,
): Promise<ReadonlySet<string>> {
  const { destination, upstreamKeys = [] } = verification.cache;
  switch (destination.type) {
    case "s3":
    case "http":
    case "custom":
      return new Set();
    case "cachix": {
      const redirected = [...absent.elsewhere].filter(([, info]) => isSigned(info, upstreamKeys));
      if (verification.subject === "paths") return new Set(redirected.map(([path]) => path));
      return findLeftOut(absent.missing, async () => upstreamKeys, verification);
    }
    case "attic": {
      if (destination.ignoreUpstream === true) return new Set();
      const findKeys = async () => (await askAttic(destination, verification)) ?? upstreamKeys;
      return findLeftOut(absent.missing, findKeys, verification);
    }
  }
}

function isSigned(info: PathInfo | undefined, keys: readonly string[]): boolean {
  return info?.signatures.some((signature) => keys.includes(signature.split(":")[0] ?? "")) === true;
}

/** Paths that carry a signature by a key of an upstream, as the Nix store holds them. */
async function findLeftOut(
  missing: readonly string[],
  findKeys: () => Promise<readonly string[]>,
  { host, context }: Verification,
): Promise<ReadonlySet<string>> {
  if (missing.length === 0) return new Set();
  const keys = await findKeys();
  if (keys.length === 0) return new Set();
  const { storeDirectory } = host;
  const { answer, error } = await askPathInfo(
    (namesFormat) => buildLocalPathInfoCommand(missing, { storeDirectory, namesFormat }),
    context,
  );
  const held = error === undefined ? parsePathInfo(answer) : undefined;
  return new Set(missing.filter((path) => isSigned(held?.get(path), keys)));
}

/** Attic's client asks for the same before it uploads: https://docs.attic.rs/user-guide. */
async function askAttic(
  destination: AtticDestination,
  { credentials, context }: Verification,
): Promise<readonly string[] | undefined> {
  const access = toAtticApi(destination, credentials.env);
  const url = `${access.baseUrl}cache-config/${destination.cache}`;
  const answer = await askCache({ access, maxBytes: MAX_BYTES, context }, (ask) => ask("GET", url));
  if (answer?.status !== 200) return undefined;
  const config = parseStrictJson(new TextDecoder().decode(answer.body));
  const names = isRecord(config) ? readMember(config, "upstream_cache_key_names") : undefined;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : undefined;
}
