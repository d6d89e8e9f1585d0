import { toAtticApi } from "../commands/http-authorization.ts";
import { buildLocalPathInfoCommand, parsePathInfo } from "../commands/path-info.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { isRecord, readMember } from "../core/own-member.ts";
import { parseStrictJson } from "../core/strict-json.ts";
import { askCache } from "./ask-cache.ts";
import { askPathInfo } from "./ask-path-info.ts";
import type { Verification } from "./verification.ts";

/** Longest configuration of a cache that is read; Attic's own is some hundred bytes. */
const MAX_BYTES = 64 * 1024;

/**
 * Finds out which paths a cache leaves to an upstream: Attic and Cachix upload no path that carries a signature by a key of an
 * upstream. The keys are those of the configuration, else those that the Attic server names for the cache. As for the tool, the name of
 * the key decides, in the signatures that the Nix store holds.
 *
 * It never rejects: what is not known to be left to an upstream is missing.
 */
export async function findUpstreamPaths(
  missing: readonly string[],
  verification: Verification,
): Promise<ReadonlySet<string>> {
  if (missing.length === 0) return new Set();
  const keys = await findUpstreamKeys(verification);
  if (keys.length === 0) return new Set();
  const { storeDirectory } = verification.host;
  const { answer, error } = await askPathInfo(
    (namesFormat) => buildLocalPathInfoCommand(missing, { storeDirectory, namesFormat }),
    verification.context,
  );
  const held = error === undefined ? parsePathInfo(answer) : undefined;
  const isLeft = (path: string): boolean =>
    held?.get(path)?.signedBy.some((key) => keys.includes(key)) === true;
  return new Set(missing.filter(isLeft));
}

async function findUpstreamKeys(verification: Verification): Promise<readonly string[]> {
  const { destination, upstreamKeys } = verification.cache;
  switch (destination.type) {
    case "s3":
    case "http":
      return [];
    case "cachix":
      return upstreamKeys ?? [];
    case "attic":
      if (destination.ignoreUpstream === true) return [];
      return upstreamKeys ?? askAttic(destination, verification);
  }
}

/** Attic's client asks for the same before it uploads: https://docs.attic.rs/user-guide. */
async function askAttic(
  destination: Extract<CacheDefinition["destination"], { readonly type: "attic" }>,
  { credentials, context }: Verification,
): Promise<readonly string[]> {
  const access = toAtticApi(destination, credentials.env);
  const url = `${access.baseUrl}cache-config/${destination.cache}`;
  const answer = await askCache({ access, maxBytes: MAX_BYTES, context }, (ask) => ask("GET", url));
  if (answer?.status !== 200) return [];
  const config = parseStrictJson(new TextDecoder().decode(answer.body));
  const names = isRecord(config) ? readMember(config, "upstream_cache_key_names") : undefined;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}
