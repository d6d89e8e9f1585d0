import { PUBLIC_BYTES, readKeyText } from "../binary-cache/key-text.ts";
import type { CacheTypeDefinition } from "../commands/cache-tool.ts";
import { compileCaches } from "../config/access-policy.ts";
import { rejectCache } from "../config/reject-cache.ts";
import type { ServerConfig } from "../config/server-model.ts";
import { ConfigError } from "../config/text/config-error.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { quoteName } from "../core/text.ts";
import type { CredentialSourceDefinition } from "../credentials/provider.ts";
import type { AllowDecision, DenyDecision } from "../policy/decision.ts";
import { denyPromotion } from "../policy/deny-promotion.ts";
import type { PermissionEvaluator } from "../policy/permissions.ts";
import type { ReadRequest } from "../policy/read-request.ts";
import { denyUnknownCache } from "../policy/unknown-cache.ts";

/** A decision, with the cache if it allows. */
export type CacheDecision =
  | { readonly decision: AllowDecision; readonly cache: CacheDefinition }
  | { readonly decision: DenyDecision; readonly cache?: undefined };

/** The caches by id, each with its compiled permissions. */
export class CacheCatalog {
  readonly #caches: ReadonlyMap<string, CacheDefinition>;
  readonly #permissions: ReadonlyMap<string, PermissionEvaluator>;

  constructor(
    config: ServerConfig,
    sources: readonly CredentialSourceDefinition[],
    cacheTypes: readonly CacheTypeDefinition[],
  ) {
    const names = cacheTypes.map(({ type }) => type);
    const twice = names.find((type, index) => names.indexOf(type) !== index);
    if (twice !== undefined)
      throw new ConfigError("ERR_CONFIG_INVALID", `cacheTypes defines ${quoteName(twice)} twice`);
    const types = new Map<string, CacheTypeDefinition>(cacheTypes.map((type) => [type.type, type]));
    const known = new Set<string>(sources.map(({ type }) => type));
    this.#permissions = compileCaches(config);
    this.#caches = new Map(config.caches.map((cache) => [cache.id, cache]));
    for (const [index, cache] of config.caches.entries()) {
      const { credentials, signingKey } = cache;
      for (const [key, source] of Object.entries({ credentials, signing_key: signingKey })) {
        if (source?.type.startsWith("custom:") !== true || known.has(source.type)) continue;
        const message = `The source ${quoteName(source.type)} is not among the host's credentialSources`;
        throw rejectCache(index, key, "unknown-credential-source", message);
      }
      checkCacheType(cache, index, types);
    }
  }

  /** The cache of an id. */
  find(cacheId: string): CacheDefinition | undefined {
    return this.#caches.get(cacheId);
  }

  /**
   * The cache that paths are promoted from, with its required key; nothing if the target does not accept it.
   */
  findPromotion(
    from: string,
    { promoteFrom = [] }: CacheDefinition,
  ): { readonly source: CacheDefinition; readonly publicKey: string } | undefined {
    const source = this.#caches.get(from);
    const { requireSignature: publicKey = "" } = promoteFrom.find(({ cache }) => cache === from) ?? {};
    const isKey = readKeyText(publicKey, PUBLIC_BYTES) !== undefined;
    return source === undefined || !isKey ? undefined : { source, publicKey };
  }

  /**
   * Decides about one cache, and returns it only if pushing is allowed.
   *
   * @param from - the cache that the paths are promoted from; by default the host has them
   */
  decide(cacheId: string, request: ReadRequest, from?: string): CacheDecision {
    const cache = this.#caches.get(cacheId);
    const decision = this.#permissions.get(cacheId)?.evaluate(request);
    if (cache === undefined || decision === undefined) return { decision: denyUnknownCache(cacheId) };
    if (decision.effect === "deny") return { decision };
    if (from !== undefined && this.findPromotion(from, cache) === undefined)
      return { decision: denyPromotion(cacheId, from) };
    return { decision, cache };
  }
}

/** A destination of a custom type is checked here: only the host knows the type. */
function checkCacheType(
  { destination, afterPush }: CacheDefinition,
  index: number,
  types: ReadonlyMap<string, CacheTypeDefinition>,
): void {
  if (destination.type !== "custom") return;
  const name = quoteName(destination.cacheType);
  const definition = types.get(destination.cacheType);
  if (definition === undefined) {
    const message = `The cache type ${name} is not among the host's cacheTypes`;
    throw rejectCache(index, "cache_type", "unknown-cache-type", message);
  }
  const bound = definition.bind(destination);
  if (bound.success && (afterPush === undefined || bound.buildPin !== undefined)) return;
  if (bound.success)
    throw rejectCache(index, "after_push", "invalid-value", `The cache type ${name} has no pins`);
  const message = `The cache type ${name} refuses the settings at ${bound.places}`;
  throw rejectCache(index, "destination", "invalid-destination", message);
}
