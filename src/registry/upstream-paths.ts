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

/** What a cache does not have itself. */
export interface AbsentPaths {
  readonly missing: readonly string[];
  /** Paths that the cache answers with a redirect to another server, with what that one says of them. */
  readonly elsewhere: ReadonlyMap<string, PathInfo>;
}

/**
 * Finds out which paths a cache leaves to an upstream.
 *
 * - Attic's client uploads no path that carries a signature by a key of an upstream, by the name of the key,
 *   in the signatures that the Nix store holds. The server names the keys for each cache; where it does not
 *   answer, the configuration does.
 * - Cachix uploads no path that an upstream has, and passes its readers on to there: what it is answered with
 *   must be signed by a key that the configuration names (https://docs.cachix.org/upstreams). What the pushed
 *   paths refer to, and was left out, carries the signature of such a key in the Nix store.
 *
 * It never rejects: what is not known to be left to an upstream is missing.
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
