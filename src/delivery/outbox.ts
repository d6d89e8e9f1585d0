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

/** What an outbox works with. */
export interface OutboxOptions {
  readonly journal: PushJournal;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly warn: (message: string) => void;
  /** Who is told; absent: nobody, and outcomes are left to other queues. */
  readonly listener: ((settled: SettledDelivery) => unknown) | undefined;
  readonly findRegistry: () => CacheRegistry;
  readonly roots: RootHolder;
}

/** How long a listener may take for one outcome. */
const TELL_TIMEOUT_MS = 10_000;
/** Outcomes of others that are told at a time. */
const PAGE = 100;

/**
 * Tells what became of deliveries. The journal keeps an outcome until the listener has taken it, so that a
 * host that is killed in between tells it later: telling is at-least-once.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #telling = new Set<Promise<unknown>>();
  #isStopped = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Whether there is somebody to tell. */
  get isListening(): boolean {
    return this.#options.listener !== undefined;
  }

  /**
   * Calls the listener for outcomes that were settled a moment ago, before it returns; {@link Outbox.idle}
   * waits for the end.
   */
  tell(settled: readonly SettledDelivery[]): void {
    if (this.isListening && settled.length > 0) void trackPromise(this.#telling, this.#tell(settled));
  }

  /** Settles when everything was told that is being told. */
  async idle(): Promise<void> {
    while (this.#telling.size > 0) await Promise.all(this.#telling);
  }

  /**
   * Takes up no more pages of outcomes: with a listener that hangs, each would delay the end of the queue.
   */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Tells outcomes that nobody told for as long as a lease lasts, as of a host that was killed before it
   * could.
   */
  sweep(): void {
    if (this.#telling.size === 0 && this.isListening && !this.#isStopped)
      void trackPromise(this.#telling, this.#sweep());
  }

  /** Whether outcomes wait to be told. */
  async hasUntold(): Promise<boolean> {
    return this.isListening && (await this.#options.journal.outcomes(0, { limit: 1 })).length > 0;
  }

  /** Page by page, so that those whose listener fails again hold up no others. */
  async #sweep(): Promise<void> {
    const { journal, leaseMs, warn, findRegistry, roots } = this.#options;
    try {
      let page: readonly Outcome[];
      let after: number | undefined;
      do {
        page = await journal.outcomes(leaseMs, { after, limit: PAGE });
        // Whoever should have let go of them may be gone.
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
