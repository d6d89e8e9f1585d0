import { toPushFailure } from "../registry/outcome.ts";
import type { Runtime } from "../runtime.ts";
import type { DeadLetter, Delivery, Lease, PushJournal } from "./push-journal.ts";

/** Where deliveries go that a journal holds and nobody works on. */
export interface LeaseTaker {
  /** How many more may be taken. */
  readonly room: () => number;
  readonly take: (deliveries: readonly Delivery[]) => Promise<void>;
}

/** Holds what a queue works on against other queues on the same journal, and looks for what others left behind. */
export class LeaseKeeper {
  /** Settles when the journal was asked for the first time for what is there from before. */
  readonly ready: Promise<void>;
  readonly #journal: PushJournal;
  readonly #runtime: Runtime;
  readonly #leaseMs: number;
  readonly #taker: LeaseTaker;
  readonly #owner: string;
  readonly #held = new Set<string>();
  #isClosed = false;
  /** Settles when nothing is asked of the journal on its own account. */
  #busy: Promise<unknown>;
  #cancelTimer: (() => void) | undefined;

  constructor(journal: PushJournal, runtime: Runtime, leaseMs: number, taker: LeaseTaker) {
    this.#journal = journal;
    this.#runtime = runtime;
    this.#leaseMs = leaseMs;
    this.#taker = taker;
    this.#owner = runtime.random.uuid();
    this.#busy = Promise.resolve();
    this.ready = this.#beat();
  }

  /** Stores deliveries, held from the beginning. */
  async accept(deliveries: readonly Delivery[]): Promise<void> {
    await this.#journal.accept(deliveries, this.#lease());
    for (const { id } of deliveries) this.#held.add(id);
  }

  /** Forgets a delivery that is done. */
  async settle(id: string): Promise<void> {
    this.#held.delete(id);
    await this.#journal.settle([id]);
  }

  /** Moves a delivery to the dead letters. */
  async bury(letter: DeadLetter): Promise<void> {
    this.#held.delete(letter.delivery.id);
    await this.#journal.bury(letter);
  }

  /** Takes what nobody holds. */
  collect(): Promise<void> {
    const collecting = this.#collect();
    this.#busy = Promise.allSettled([this.#busy, collecting]);
    return collecting;
  }

  /** Looks for nothing more, and waits for what it has found. */
  async stop(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#busy;
  }

  /** Lets go of what is not done. */
  async release(ids: readonly string[]): Promise<void> {
    await this.#journal.release(ids).catch((error: unknown) => this.#warn(error));
  }

  async #collect(): Promise<void> {
    const room = this.#taker.room();
    if (this.#isClosed || room <= 0) return;
    const found = await this.#journal.lease(this.#lease(), room);
    const taken = found.filter(({ id }) => !this.#held.has(id));
    if (this.#isClosed) return this.release(taken.map(({ id }) => id));
    for (const { id } of taken) this.#held.add(id);
    if (taken.length > 0) await this.#taker.take(taken);
  }

  #lease(): Lease {
    const now = this.#runtime.clock.now();
    return { owner: this.#owner, now, expiresAt: now + this.#leaseMs };
  }

  /** Renews what is held and looks for more, three times in the life of a lease. */
  async #beat(): Promise<void> {
    if (this.#isClosed) return;
    try {
      if (this.#held.size > 0) await this.#journal.renew([...this.#held], this.#lease());
      await this.collect();
    } catch (error) {
      this.#warn(error);
    }
    if (this.#isClosed) return;
    this.#cancelTimer = this.#runtime.clock.schedule(() => void this.#beat(), this.#leaseMs / 3);
  }

  #warn(error: unknown): void {
    this.#runtime.warn(`The journal did not answer: ${toPushFailure(error).message}`);
  }
}
