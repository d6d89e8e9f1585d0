import type { DeadLetter, Delivery, Lease, PushJournal } from "./push-journal.ts";

interface Entry {
  readonly delivery: Delivery;
  /** Absent while nobody holds it. */
  readonly heldUntil?: number | undefined;
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

  async accept(deliveries: readonly Delivery[], { expiresAt }: Lease): Promise<void> {
    for (const delivery of deliveries) this.#entries.set(delivery.id, { delivery, heldUntil: expiresAt });
  }

  async lease({ now, expiresAt }: Lease, limit: number): Promise<readonly Delivery[]> {
    const free = [...this.#entries.values()].filter(
      ({ heldUntil }) => heldUntil === undefined || heldUntil <= now,
    );
    const taken = free.slice(0, limit).map(({ delivery }) => delivery);
    for (const delivery of taken) this.#entries.set(delivery.id, { delivery, heldUntil: expiresAt });
    return taken;
  }

  async renew(ids: readonly string[], { expiresAt }: Lease): Promise<void> {
    this.#hold(ids, expiresAt);
  }

  async release(ids: readonly string[]): Promise<void> {
    this.#hold(ids, undefined);
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
    const letters = ids.flatMap((id) => this.#letters.get(id) ?? []);
    for (const { delivery } of letters) {
      this.#letters.delete(delivery.id);
      this.#entries.set(delivery.id, { delivery });
    }
    return letters.length;
  }

  async close(): Promise<void> {}

  #hold(ids: readonly string[], heldUntil: number | undefined): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) this.#entries.set(id, { ...entry, heldUntil });
    }
  }
}
