import type { Runtime } from "../host/runtime.ts";
import { toPushFailure } from "../registry/outcome.ts";
import type { DeadLetter, Delivery, Lease, PushJournal } from "./push-journal.ts";

/** Where deliveries go that a journal holds and nobody works on. */
export interface LeaseTaker {
  /** How many more may be taken. */
  readonly room: () => number;
  readonly take: (deliveries: readonly Delivery[]) => Promise<void>;
}

/** Holds what a queue works on against other queues on the same journal, and looks for what others left behind. */
export class LeaseKeeper {
  /** Settles when all is taken that is there from before, but for what a living queue holds; or when the keeper is stopped. */
  readonly ready: Promise<void>;
  readonly #journal: PushJournal;
  readonly #runtime: Runtime;
  readonly #leaseMs: number;
  readonly #taker: LeaseTaker;
  readonly #owner: string;
  readonly #held = new Set<string>();
  /** Ends that the journal would not take; until it does they stay held, so that nothing is delivered again. */
  readonly #owed = new Map<string, () => Promise<void>>();
  #hasMore = false;
  /** When the last lease ends that others had at the first answer; unknown before that. */
  #othersHoldUntil: number | undefined;
  #isClosed = false;
  #cancelTimer: (() => void) | undefined;
  /** Settles when the journal is not asked for more. */
  #busy: Promise<void> = Promise.resolve();
  /** A question that waits for the one before it. */
  #next: Promise<void> | undefined;
  #renewing: Promise<void> = Promise.resolve();
  readonly #endPauses = new Set<() => void>();

  constructor(journal: PushJournal, runtime: Runtime, leaseMs: number, taker: LeaseTaker) {
    this.#journal = journal;
    this.#runtime = runtime;
    this.#leaseMs = leaseMs;
    this.#taker = taker;
    this.#owner = runtime.random.uuid();
    this.ready = this.#takeUp();
    this.#wait();
  }

  /** Leases are renewed three times in their life. */
  get #beatMs(): number {
    return this.#leaseMs / 3;
  }

  /** Whether the journal may hold more than there was room for. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Stores deliveries, held from the beginning. */
  async accept(deliveries: readonly Delivery[]): Promise<void> {
    await this.#journal.accept(deliveries, this.#lease());
    for (const { id } of deliveries) this.#held.add(id);
  }

  /** Forgets a delivery that is done. */
  settle(id: string): Promise<void> {
    return this.#end(id, () => this.#journal.settle([id]));
  }

  /** Moves a delivery to the dead letters. */
  bury(letter: DeadLetter): Promise<void> {
    return this.#end(letter.delivery.id, () => this.#journal.bury(letter));
  }

  /** Takes what nobody holds, as far as there is room; one question at a time, since each counts the room anew. */
  collect(): Promise<void> {
    this.#next ??= this.#busy.then(async () => {
      this.#next = undefined;
      await this.#collect().catch((error: unknown) => {
        // What it may hold is asked for again; until then it is not drained.
        this.#hasMore = true;
        this.#warn(error);
      });
    });
    this.#busy = this.#next;
    return this.#busy;
  }

  /** Takes more; where the journal has it and does not give it, waits for a while. */
  async collectMore(): Promise<void> {
    const room = this.#taker.room();
    await this.collect();
    if (this.#hasMore && this.#taker.room() === room) await this.#pause(this.#beatMs);
  }

  /** Looks for nothing more, waits for what it has found, and offers the journal once more what it would not take. */
  async stop(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    for (const end of this.#endPauses) end();
    await this.#busy;
    await this.#renewing;
    await this.#payOwed();
  }

  /** Lets go of what is not done. */
  async release(ids: readonly string[]): Promise<void> {
    try {
      await this.#journal.release(ids, this.#owner);
    } catch (error) {
      this.#warn(error);
    }
  }

  /** Takes what is free, and once more when what a killed queue held has come free. */
  async #takeUp(): Promise<void> {
    await this.collect();
    while (!this.#isClosed) {
      const until = this.#othersHoldUntil;
      const waitMs = until === undefined ? this.#beatMs : until - this.#runtime.clock.now();
      if (waitMs <= 0) return;
      await this.#pause(waitMs);
      await this.collect();
    }
  }

  async #collect(): Promise<void> {
    if (this.#isClosed) return;
    const othersHoldUntil = this.#othersHoldUntil ?? (await this.#journal.heldUntil(this.#owner)) ?? 0;
    const room = this.#taker.room();
    const found = room > 0 ? await this.#journal.lease(this.#lease(), room) : [];
    this.#hasMore = found.length >= room;
    this.#othersHoldUntil = othersHoldUntil;
    const taken = found.filter(({ id }) => !this.#held.has(id));
    if (this.#isClosed) return this.release(taken.map(({ id }) => id));
    for (const { id } of taken) this.#held.add(id);
    if (taken.length > 0) await this.#taker.take(taken);
  }

  async #end(id: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
      this.#held.delete(id);
    } catch (error) {
      this.#owed.set(id, write);
      this.#warn(error);
    }
  }

  #lease(): Lease {
    const now = this.#runtime.clock.now();
    return { owner: this.#owner, now, expiresAt: now + this.#leaseMs };
  }

  #wait(): void {
    this.#cancelTimer = this.#runtime.clock.schedule(() => {
      this.#renewing = this.#renew();
      void this.collect();
      if (!this.#isClosed) this.#wait();
    }, this.#beatMs);
  }

  /** Waits until a time is over or the keeper is stopped. */
  async #pause(delayMs: number): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#runtime.clock.schedule(() => end(), delayMs);
      const end = (): void => {
        cancel();
        this.#endPauses.delete(end);
        resolve();
      };
      this.#endPauses.add(end);
    });
  }

  /** Renews what is held. */
  async #renew(): Promise<void> {
    try {
      if (this.#held.size > 0) await this.#journal.renew([...this.#held], this.#lease());
    } catch (error) {
      this.#warn(error);
    }
    await this.#payOwed();
  }

  async #payOwed(): Promise<void> {
    for (const [id, write] of this.#owed) {
      try {
        await write();
        this.#owed.delete(id);
        this.#held.delete(id);
      } catch (error) {
        this.#warn(error);
      }
    }
  }

  #warn(error: unknown): void {
    this.#runtime.warn(`The journal did not do as asked: ${toPushFailure(error).message}`);
  }
}
