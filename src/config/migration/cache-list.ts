import type { CacheDestination } from "../../cache.ts";
import { writeEntry } from "../literal-value.ts";
import type { ServerConfig } from "../server-config.ts";
import type { HookCache } from "./hook-cache.ts";

/** The caches that hooks turn into, each once. */
export class CacheList {
  readonly #taken: Set<string>;
  readonly #known = new Map<string, string>();
  readonly #added: { readonly id: string; readonly cache: HookCache }[] = [];

  /** @param serverConfig - caches that exist already, which are named instead of defined again */
  constructor(serverConfig: ServerConfig | undefined) {
    const caches = serverConfig?.caches ?? [];
    this.#taken = new Set(caches.map(({ id }) => id));
    for (const { id, cacheType, destination } of caches)
      this.#known.set(`${cacheType} ${textOf(destination)}`, id);
  }

  /** The id of a cache, and whether it is new. */
  add(cache: HookCache): { readonly id: string; readonly isNew: boolean } {
    const identity = `${cache.cacheType} ${cache.destination}`;
    const known = this.#known.get(identity);
    if (known !== undefined) return { id: known, isNew: false };
    const id = this.#nextId(`${cache.kind}-cache`);
    this.#known.set(identity, id);
    this.#added.push({ id, cache });
    return { id, isNew: true };
  }

  /** How many are new. */
  get size(): number {
    return this.#added.length;
  }

  /** The new ones as `[[caches]]` of `ekaci.toml`, open to one repository or to none. */
  toToml(repository: string | undefined): string {
    const allowed = writeEntry("allowed_repos", repository === undefined ? [] : [repository], "toml");
    const comment = repository === undefined ? " # name the repositories that may push" : "";
    return this.#added
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
    let id = base;
    for (let number = 2; this.#taken.has(id); number++) id = `${base}-${number}`;
    this.#taken.add(id);
    return id;
  }
}

function textOf(destination: CacheDestination): string {
  return destination.type === "cachix" ? destination.name : destination.url;
}
