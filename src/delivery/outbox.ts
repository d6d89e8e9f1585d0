import { PushError } from "../core/errors.ts";
import { withDeadline } from "../host/deadline.ts";
import type { Clock } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import { describeJournalFailure } from "./journal-failure.ts";
import type { Outcome, PushJournal } from "./push-journal.ts";
import type { SettledDelivery } from "./queue-types.ts";
import type { RootHolder } from "./root-holder.ts";
import { toSettled } from "./to-settled.ts";
import { trackPromise } from "./track-promise.ts";

/** What an outbox needs. */
export interface OutboxOptions {
  readonly journal: PushJournal;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly warn: (message: string) => void;
  /** The listener; if absent, outcomes are left to other queues. */
  readonly listener: ((settled: SettledDelivery) => unknown) | undefined;
  readonly findRegistry: () => CacheRegistry;
  readonly roots: RootHolder;
}

/** How long a listener may take for one outcome. */
const TELL_TIMEOUT_MS = 10_000;
/** How many outcomes of others are told at a time. */
const PAGE = 100;

/**
 * Tells outcomes of deliveries. The journal keeps an outcome until the listener has accepted it, so an
 * outcome is told again after a crash in between. Telling is at-least-once.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #telling = new Set<Promise<unknown>>();
  #isStopped = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Whether there is a listener. */
  get isListening(): boolean {
    return this.#options.listener !== undefined;
  }

  /**
   * Calls the listener for recently settled outcomes before it returns; {@link Outbox.idle} waits for the
   * end.
   */
  tell(settled: readonly SettledDelivery[]): void {
    if (this.isListening && settled.length > 0) void trackPromise(this.#telling, this.#tell(settled));
  }

  /** Settles when all running calls of the listener have ended. */
  async idle(): Promise<void> {
    while (this.#telling.size > 0) await Promise.all(this.#telling);
  }

  /**
   * Reads no more pages of outcomes, because a listener that hangs would delay the end of the queue.
   */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Tells outcomes that were not told for the length of a lease, for example because their host was killed.
   */
  sweep(): void {
    if (this.#telling.size === 0 && this.isListening && !this.#isStopped)
      void trackPromise(this.#telling, this.#sweep());
  }

  /** Whether outcomes wait to be told. */
  async hasUntold(): Promise<boolean> {
    return this.isListening && (await this.#options.journal.outcomes(0, { limit: 1 })).length > 0;
  }

  /** Page by page, so that outcomes whose listener fails again do not block others. */
  async #sweep(): Promise<void> {
    const { journal, leaseMs, warn, findRegistry, roots } = this.#options;
    try {
      let page: readonly Outcome[];
      let after: number | undefined;
      do {
        page = await journal.outcomes(leaseMs, { after, limit: PAGE });
        // The host that should have released them may be gone.
        await roots.release(page.map(({ id }) => id));
        await this.#tell(page.map((outcome) => toSettled(outcome, findRegistry)));
        after = page.at(-1)?.position;
      } while (page.length === PAGE && !this.#isStopped);
    } catch (error) {
      warn(describeJournalFailure(error));
    }
  }

  async #tell(settled: readonly SettledDelivery[]): Promise<void> {
    const told = (
      await Promise.all(settled.map(async (one) => ((await this.#tellOne(one)) ? [one.deliveryId] : [])))
    ).flat();
    if (told.length === 0) return;
    try {
      await this.#options.journal.acknowledge(told);
    } catch (error) {
      this.#options.warn(describeJournalFailure(error));
    }
  }

  async #tellOne(settled: SettledDelivery): Promise<boolean> {
    const { listener, clock, warn } = this.#options;
    if (listener === undefined) return false;
    try {
      await withDeadline(() => listener(settled), {
        clock,
        timeoutMs: TELL_TIMEOUT_MS,
        onTimeout: () => new PushError("ERR_PUSH_TIMEOUT", "The listener did not end in time"),
      });
      return true;
    } catch {
      warn("The onSettled callback failed; it is called again for this delivery later");
      return false;
    }
  }
}
