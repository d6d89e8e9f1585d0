import { type Clock, createNodeRuntime } from "../../host/runtime.ts";
import {
  isGood,
  type KeptBounds,
  type LedgerBounds,
  type LedgerEntry,
  type LedgerQuery,
  type PushLedger,
  type RecordedEntry,
  toKeptBounds,
  toLimit,
} from "./push-ledger.ts";

/**
 * Options of {@link createMemoryLedger}.
 *
 * @example
 * ```ts
 * const options: MemoryLedgerOptions = { maxEntries: 10_000 };
 * ```
 *
 * @public
 */
export interface MemoryLedgerOptions extends LedgerBounds {
  /** Clock for the age of entries; default that of Node.js. */
  readonly clock?: Pick<Clock, "now"> | undefined;
}

/**
 * Creates a ledger that lasts as long as the process. It keeps 100 000 entries by default.
 *
 * @param options - limits, and the clock
 *
 * @example
 * ```ts
 * const queue = new PushQueue(registry, { ledger: createMemoryLedger() });
 * ```
 *
 * @public
 */
export function createMemoryLedger(options: MemoryLedgerOptions = {}): PushLedger {
  const bounds = toKeptBounds({ maxEntries: 100_000, ...options });
  return new MemoryLedger(bounds, options.clock ?? createNodeRuntime().clock);
}

class MemoryLedger implements PushLedger {
  /** In the order of recording. */
  readonly #entries = new Map<string, RecordedEntry>();
  readonly #bounds: KeptBounds;
  readonly #clock: Pick<Clock, "now">;
  #position = 0;

  constructor(bounds: KeptBounds, clock: Pick<Clock, "now">) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  async record(entries: readonly LedgerEntry[]): Promise<void> {
    for (const entry of entries) {
      const key = toKey(entry);
      const known = this.#entries.get(key);
      if (known !== undefined && isGood(known.outcome) && !isGood(entry.outcome)) continue;
      this.#entries.delete(key);
      this.#entries.set(key, { ...entry, position: ++this.#position });
    }
    this.#prune();
  }

  async find(query: LedgerQuery): Promise<readonly RecordedEntry[]> {
    const { outcomes } = query;
    return this.#list(query, ({ outcome }) => outcomes === undefined || outcomes.includes(outcome));
  }

  async owed(query: Omit<LedgerQuery, "outcomes">): Promise<readonly RecordedEntry[]> {
    const toPlace = ({ cacheId, storePath }: LedgerEntry): string => `${cacheId} ${storePath}`;
    const all = [...this.#entries.values()];
    const { before: _before, limit: _limit, ...asked } = query;
    const last = new Map(all.filter((entry) => fits(entry, asked)).map((entry) => [toPlace(entry), entry]));
    const isThere = ({ outcome }: LedgerEntry): boolean => outcome === "pushed" || outcome === "upstream";
    const paid = new Set(all.filter(isThere).map(toPlace));
    const isOwed = (entry: RecordedEntry): boolean =>
      !isGood(entry.outcome) && last.get(toPlace(entry)) === entry && !paid.has(toPlace(entry));
    return this.#list(query, isOwed);
  }

  async confirmed(
    cacheId: string,
    storePaths: readonly string[],
    withinMs: number,
    fingerprint: string,
  ): Promise<readonly string[]> {
    const now = this.#clock.now();
    const wanted = new Set(storePaths);
    const found = new Set<string>();
    for (const entry of this.#entries.values())
      if (entry.cacheId === cacheId && entry.outcome === "pushed" && entry.fingerprint === fingerprint) {
        const ageMs = now - Date.parse(entry.time);
        if (ageMs >= 0 && ageMs <= withinMs && wanted.has(entry.storePath)) found.add(entry.storePath);
      }
    return [...found];
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #list(
    query: Omit<LedgerQuery, "outcomes">,
    isWanted: (entry: RecordedEntry) => boolean,
  ): readonly RecordedEntry[] {
    const found = [...this.#entries.values()]
      .reverse()
      .filter((entry) => fits(entry, query) && isWanted(entry));
    return found.slice(0, toLimit(query));
  }

  #prune(): void {
    const oldest = this.#clock.now() - this.#bounds.maxAgeMs;
    for (const [key, { time }] of this.#entries) {
      if (this.#entries.size <= this.#bounds.maxEntries && Date.parse(time) >= oldest) return;
      this.#entries.delete(key);
    }
  }
}

function fits(entry: RecordedEntry, query: Omit<LedgerQuery, "outcomes" | "limit">): boolean {
  const { storePath, cacheId, repository, job, before } = query;
  return (
    (storePath ?? entry.storePath) === entry.storePath &&
    (cacheId ?? entry.cacheId) === entry.cacheId &&
    (repository ?? entry.repository) === entry.repository &&
    (job ?? entry.job) === entry.job &&
    (before === undefined || entry.position < before.position)
  );
}

function toKey({ cacheId, storePath, pushId }: LedgerEntry): string {
  return `${pushId} ${cacheId} ${storePath}`;
}
