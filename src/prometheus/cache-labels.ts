/**
 * Labels for caches: their ids, while there are few. A journal may have ids of caches that no configuration
 * has any more.
 */
export class CacheLabels {
  readonly #known = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  of(cacheId: string): string {
    if (this.#known.has(cacheId)) return cacheId;
    if (this.#known.size >= this.#most) return "other";
    this.#known.add(cacheId);
    return cacheId;
  }
}
