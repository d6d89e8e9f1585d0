import type { Clock } from "../host/runtime.ts";
import { describeJournalFailure } from "./journal-failure.ts";
import { Pause } from "./pause.ts";
import type { Batch, PushJournal, Verdict } from "./push-journal.ts";

/** What a holder works with. */
export interface LeaseHolderOptions {
  readonly journal: PushJournal;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly warn: (message: string) => void;
}

/** A batch that is held. */
export class HeldBatch {
  readonly batch: Batch;
  readonly #lost = new AbortController();
  /**
   * When the lease began or was renewed last, in the clock's monotonic milliseconds; the journal's view is no
   * earlier.
   */
  renewedAt: number;

  constructor(batch: Batch, renewedAt: number) {
    this.batch = batch;
    this.renewedAt = renewedAt;
  }

  /** Ends when the lease is lost: what runs for it has to stop, and nothing may be said of it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort();
  }
}

/**
 * Holds batches until they are settled: renews their leases three times in their life, and gives those up
 * that it cannot renew. Whatever it writes carries the fencing token of the lease.
 */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  readonly #held = new Set<HeldBatch>();
  readonly #pause: Pause;
  #isStopped = false;

  constructor(options: LeaseHolderOptions) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }

  /** Holds a batch that was leased. @param leasedAt - when the lease was asked for */
  hold(batch: Batch, leasedAt: number): HeldBatch {
    const held = new HeldBatch(batch, leasedAt);
    this.#held.add(held);
    return held;
  }

  /** Lets go of a batch that is settled or lost. */
  release(held: HeldBatch): void {
    this.#held.delete(held);
  }

  /** Renews what is held, until it is stopped. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#pause.wait(this.#options.leaseMs / 3);
      if (this.#held.size > 0) await this.#renew();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#pause.wake();
  }

  /**
   * Writes verdicts, and offers them again while the journal does not take them, as long as the lease lasts.
   *
   * @returns whether they were written; if not, the lease is lost and nothing may be said of them
   */
  async settle(held: HeldBatch, verdicts: readonly Verdict[]): Promise<boolean> {
    const { journal, clock, leaseMs, warn } = this.#options;
    const retry = new Pause(clock);
    const wake = (): void => retry.wake();
    held.lost.addEventListener("abort", wake, { once: true });
    try {
      while (!held.lost.aborted) {
        try {
          const isWritten = await journal.settle(held.batch.token, verdicts);
          if (!isWritten) held.lose();
          return isWritten;
        } catch (error) {
          warn(describeJournalFailure(error));
          if (this.#isStopped) return false;
        }
        await retry.wait(leaseMs / 3);
      }
      return false;
    } finally {
      held.lost.removeEventListener("abort", wake);
    }
  }

  async #renew(): Promise<void> {
    const { journal, clock, leaseMs, warn } = this.#options;
    const renewed = [...this.#held];
    const askedAt = clock.monotonic();
    try {
      const lost = new Set(
        await journal.renew(
          renewed.map(({ batch }) => batch.token),
          leaseMs,
        ),
      );
      for (const held of renewed) {
        if (lost.has(held.batch.token) && this.#held.has(held)) held.lose();
        else held.renewedAt = askedAt;
      }
    } catch (error) {
      warn(describeJournalFailure(error));
      for (const held of renewed) if (clock.monotonic() - held.renewedAt >= leaseMs) held.lose();
    }
  }
}
