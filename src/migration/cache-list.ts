import type { ServerConfig } from "../config/server-model.ts";
import { writeEntry, writeValue } from "../config/text/literal-value.ts";
import { type CacheDefinition, describeDestination } from "../core/cache.ts";
import type { HookCache } from "./hook-cache.ts";

/** A cache that a hook turned into. */
export interface ListedCache {
  readonly id: string;
  /** The server's existing cache; absent for a new one. */
  readonly existing?: CacheDefinition | undefined;
  /** Whether it is new in the list. */
  readonly isFirst: boolean;
}

/**
 * The caches of hooks, each once. Caches with different credentials are different, even at the same
 * destination.
 */
export class CacheList {
  readonly #taken: Set<string>;
  readonly #existing: ReadonlyMap<string, CacheDefinition>;
  readonly #added = new Map<string, { readonly id: string; readonly cache: HookCache }>();
  readonly #numbers = new Map<string, number>();

  /** @param serverConfig - existing caches, which are named instead of defined again */
  constructor(serverConfig: ServerConfig | undefined) {
    const caches = serverConfig?.caches ?? [];
    this.#taken = new Set(caches.map(({ id }) => id));
    this.#existing = new Map(
      caches.map((cache) => [toPlace(cache.cacheType, describeDestination(cache.destination)), cache]),
    );
  }

  /** Lists a cache. */
  add(cache: HookCache): ListedCache {
    const place = toPlace(cache.cacheType, cache.destination);
    const existing = this.#existing.get(place);
    if (existing !== undefined) return { id: existing.id, existing, isFirst: false };
    const identity = `${place} ${writeValue(cache.credentials, "toml")}`;
    const known = this.#added.get(identity);
    if (known !== undefined) return { id: known.id, isFirst: false };
    const id = this.#nextId(`${cache.kind}-cache`);
    this.#added.set(identity, { id, cache });
    return { id, isFirst: true };
  }

  /** How many are new. */
  get size(): number {
    return this.#added.size;
  }

  /** The new ones as `[[caches]]` of `ekaci.toml`, which allow one repository or none. */
  toToml(repository: string | undefined): string {
    const allowed = writeEntry("allowed_repos", repository === undefined ? [] : [repository], "toml");
    const comment = repository === undefined ? " # name the repositories that may push" : "";
    return [...this.#added.values()]
      .map(({ id, cache }) =>
        [
          "[[caches]]",
          writeEntry("id", id, "toml"),
          writeEntry("cache_type", cache.cacheType, "toml"),
          writeEntry("destination", cache.destination, "toml"),
          writeEntry("credentials", cache.credentials, "toml"),
          "",
          "[caches.permissions]",
          "allow_all = false",
          `${allowed}${comment}`,
          "",
        ].join("\n"),
      )
      .join("\n");
  }

  #nextId(base: string): string {
    for (;;) {
      const number = (this.#numbers.get(base) ?? 0) + 1;
      this.#numbers.set(base, number);
      const id = number === 1 ? base : `${base}-${number}`;
      if (!this.#taken.has(id)) return id;
    }
  }
}

function toPlace(cacheType: string, destination: string): string {
  return `${cacheType} ${destination}`;
}
