import type { DeadLetter, Delivery, Lease, PushJournal } from "./push-journal.ts";

interface Entry {
  readonly delivery: Delivery;
  /** Absent while nobody holds it. */
  readonly held?: Pick<Lease, "owner" | "expiresAt"> | undefined;
}

/**
 * Makes a journal that lasts as long as the process.
 *
 * @example
 * ```ts
 * const queue = new PushQueue(registry, { journal: createMemoryJournal() }); // the default
 * ```
 *
 * @public
 */
export function createMemoryJournal(): PushJournal {
  return new MemoryJournal();
}

class MemoryJournal implements PushJournal {
  readonly isDurable = false;
  readonly #entries = new Map<string, Entry>();
  readonly #letters = new Map<string, DeadLetter>();

  async accept(deliveries: readonly Delivery[], held: Lease): Promise<void> {
    for (const delivery of deliveries) this.#entries.set(delivery.id, { delivery, held });
  }

  async lease(held: Lease, limit: number): Promise<readonly Delivery[]> {
    const isFree = (entry: Entry): boolean => entry.held === undefined || entry.held.expiresAt <= held.now;
    const taken = [...this.#entries.values()].filter(isFree).slice(0, limit);
    for (const { delivery } of taken) this.#entries.set(delivery.id, { delivery, held });
    return taken.map(({ delivery }) => delivery);
  }

  async heldUntil(owner: string): Promise<number | undefined> {
    const others = [...this.#entries.values()].flatMap(({ held }) =>
      held === undefined || held.owner === owner ? [] : held.expiresAt,
    );
    return others.length === 0 ? undefined : others.reduce((last, expiresAt) => Math.max(last, expiresAt));
  }

  async renew(ids: readonly string[], lease: Lease): Promise<void> {
    this.#hold(ids, lease.owner, lease);
  }

  async release(ids: readonly string[], owner: string): Promise<void> {
    this.#hold(ids, owner, undefined);
  }

  async settle(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#entries.delete(id);
  }

  async bury(letter: DeadLetter): Promise<void> {
    this.#entries.delete(letter.delivery.id);
    this.#letters.set(letter.delivery.id, letter);
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    return [...this.#letters.values()];
  }

  async revive(ids: readonly string[]): Promise<number> {
    const letters = [...new Set(ids)].flatMap((id) => this.#letters.get(id) ?? []);
    for (const { delivery } of letters) {
      this.#letters.delete(delivery.id);
      this.#entries.set(delivery.id, { delivery });
    }
    return letters.length;
  }

  async close(): Promise<void> {}

  #hold(ids: readonly string[], owner: string, held: Entry["held"]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry?.held?.owner === owner) this.#entries.set(id, { ...entry, held });
    }
  }
}
