import type { Clock } from "../host/runtime.ts";
import { describeJournalFailure } from "./journal-failure.ts";
import { Pause } from "./pause.ts";
import type { Batch, PushJournal, Verdict } from "./push-journal.ts";

/** What a holder needs. */
export interface LeaseHolderOptions {
  readonly journal: PushJournal;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly warn: (message: string) => void;
}

/** A held batch. */
export class HeldBatch {
  readonly batch: Batch;
  readonly #lost = new AbortController();
  /**
   * When the lease began or was last renewed, in the clock's monotonic milliseconds; for the journal, not
   * earlier.
   */
  renewedAt: number;

  constructor(batch: Batch, renewedAt: number) {
    this.batch = batch;
    this.renewedAt = renewedAt;
  }

  /** Aborts when the lease is lost. What runs for it must stop, and nothing may be reported. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort();
  }
}

/**
 * Holds batches until they are settled. It renews each lease three times in its life, and gives up those that
 * it cannot renew. Every write carries the fencing token of the lease.
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

  /** Releases a batch that is settled or lost. */
  release(held: HeldBatch): void {
    this.#held.delete(held);
  }

  /** Renews held leases until it is stopped. */
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
   * Writes verdicts, and retries while the journal fails, as long as the lease lasts.
   *
   * @returns whether they were written; if not, the lease is lost and nothing may be reported
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
