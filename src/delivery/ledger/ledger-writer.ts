import { withDeadline } from "../../host/deadline.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { PushOptions, PushResult } from "../../registry/push-types.ts";
import type { ReadPushRequest } from "../../registry/read-push-request.ts";
import type { PushLedger } from "./push-ledger.ts";
import { toLedgerEntries } from "./to-ledger-entries.ts";

/** How long a ledger may take; a delivery waits for it. */
const RECORD_MS = 20_000;
const ASK_MS = 4_000;
/** How long a ledger that did not answer is not used. */
const REST_MS = 60_000;
/** How many entries are recorded at a time. */
const CHUNK = 1_000;

/** What a ledger writer needs. */
export interface LedgerWriterOptions {
  readonly ledger: PushLedger | undefined;
  readonly runtime: Pick<Runtime, "clock" | "warn">;
  /** How long a path recorded as pushed counts as confirmed, in milliseconds; 0 for never. */
  readonly confirmedTtlMs: number;
}

/** How a request ended at a cache. */
export interface EndedRequest {
  readonly request: ReadPushRequest;
  readonly result: PushResult;
}

/**
 * A queue's access to its ledger, if it has one. A failing ledger loses entries, but no delivery or decision.
 */
export class LedgerWriter {
  readonly #options: LedgerWriterOptions;
  #isFailing = false;
  #restsUntil = 0;

  constructor(options: LedgerWriterOptions) {
    this.#options = options;
  }

  /** Which paths need no push, for {@link PushOptions}; absent if the ledger is not used for that. */
  get findConfirmed(): PushOptions["findConfirmed"] {
    const { ledger, confirmedTtlMs } = this.#options;
    if (ledger === undefined || confirmedTtlMs === 0) return undefined;
    return async (cacheId, storePaths, fingerprint) =>
      (await this.#try(() => ledger.confirmed(cacheId, storePaths, confirmedTtlMs, fingerprint), ASK_MS)) ??
      [];
  }

  /** Records how requests ended. It never rejects. */
  async record(ended: readonly EndedRequest[]): Promise<void> {
    const { ledger, runtime } = this.#options;
    if (ledger === undefined || ended.length === 0) return;
    const time = new Date(runtime.clock.now()).toISOString();
    const entries = ended.flatMap(({ request, result }) => toLedgerEntries(request, result, time));
    for (let first = 0; first < entries.length; first += CHUNK)
      await this.#try(() => ledger.record(entries.slice(first, first + CHUNK)), RECORD_MS);
  }

  /** Closes the ledger. */
  async close(): Promise<void> {
    const { ledger } = this.#options;
    this.#restsUntil = 0;
    if (ledger !== undefined) await this.#try(() => ledger.close(), RECORD_MS);
  }

  async #try<Answer>(ask: () => Promise<Answer>, timeoutMs: number): Promise<Answer | undefined> {
    const { clock, warn } = this.#options.runtime;
    if (clock.monotonic() < this.#restsUntil) return undefined;
    try {
      const onTimeout = (): Error => {
        // Otherwise it would delay every delivery.
        this.#restsUntil = clock.monotonic() + REST_MS;
        return new Error("The ledger did not answer");
      };
      const answer = await withDeadline(ask, { clock, timeoutMs, onTimeout });
      this.#isFailing = false;
      return answer;
    } catch {
      // Its message may quote what it was given.
      if (!this.#isFailing) warn("The ledger failed; deliveries that end meanwhile are missing in it");
      this.#isFailing = true;
      return undefined;
    }
  }
}
