import type { Clock } from "../host/runtime.ts";
import { isCachesError } from "../registry/any-error.ts";
import type {
  Batch,
  BuriedDelivery,
  CacheStats,
  Delivery,
  DeliveryRecord,
  LeaseRequest,
  ListRequest,
  Outcome,
  PageRequest,
  PushJournal,
  Verdict,
} from "./push-journal.ts";

/**
 * The health of a journal, by its last operation.
 *
 * @public
 */
export interface JournalCondition {
  /** Whether the last operation succeeded. */
  readonly isAnswering: boolean;
  /** How long it has been failing, in milliseconds; 0 if it is not. */
  readonly failingForMs: number;
  /** Code of the last failure; absent if the last operation succeeded. */
  readonly code?: string | undefined;
  /** Message of the last failure: which file or server, and what to do. */
  readonly message?: string | undefined;
}

/** A journal that tracks its health. */
export class ObservedJournal implements PushJournal {
  readonly #journal: PushJournal;
  readonly #clock: Clock;
  #failure: { readonly since: number; readonly error: unknown } | undefined;

  constructor(journal: PushJournal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  get condition(): JournalCondition {
    if (this.#failure === undefined) return { isAnswering: true, failingForMs: 0 };
    const { since, error } = this.#failure;
    const told = isCachesError(error) ? { code: error.code, message: error.message } : {};
    return { isAnswering: false, failingForMs: this.#clock.monotonic() - since, ...told };
  }

  get isDurable(): boolean {
    return this.#journal.isDurable;
  }

  get isShared(): boolean {
    return this.#journal.isShared;
  }

  get isNotified(): boolean | undefined {
    return this.#journal.isNotified;
  }

  accept(deliveries: readonly Delivery[]): Promise<readonly string[]> {
    return this.#observe(this.#journal.accept(deliveries));
  }

  lease(request: LeaseRequest): Promise<Batch | undefined> {
    return this.#observe(this.#journal.lease(request));
  }

  renew(tokens: readonly string[], leaseMs: number): Promise<readonly string[]> {
    return this.#observe(this.#journal.renew(tokens, leaseMs));
  }

  settle(token: string, verdicts: readonly Verdict[]): Promise<boolean> {
    return this.#observe(this.#journal.settle(token, verdicts));
  }

  nextInMs(request: LeaseRequest): Promise<number | undefined> {
    return this.#observe(this.#journal.nextInMs(request));
  }

  watch(listener: () => void): Promise<() => Promise<void>> {
    return this.#observe(this.#journal.watch(listener));
  }

  outcomes(untoldForMs: number, page: PageRequest): Promise<readonly Outcome[]> {
    return this.#observe(this.#journal.outcomes(untoldForMs, page));
  }

  outcomesOf(ids: readonly string[]): Promise<readonly Outcome[]> {
    return this.#observe(this.#journal.outcomesOf(ids));
  }

  acknowledge(ids: readonly string[]): Promise<void> {
    return this.#observe(this.#journal.acknowledge(ids));
  }

  deadLetters(page: PageRequest): Promise<readonly BuriedDelivery[]> {
    return this.#observe(this.#journal.deadLetters(page));
  }

  replay(ids: readonly string[]): Promise<number> {
    return this.#observe(this.#journal.replay(ids));
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#observe(this.#journal.drop(ids));
  }

  list(request: ListRequest): Promise<readonly DeliveryRecord[]> {
    return this.#observe(this.#journal.list(request));
  }

  find(ids: readonly string[]): Promise<readonly DeliveryRecord[]> {
    return this.#observe(this.#journal.find(ids));
  }

  cancel(ids: readonly string[]): Promise<readonly string[]> {
    return this.#observe(this.#journal.cancel(ids));
  }

  stats(stores?: readonly string[]): Promise<readonly CacheStats[]> {
    return this.#observe(this.#journal.stats(stores));
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  #observe<Result>(answer: Promise<Result>): Promise<Result> {
    answer.then(
      () => {
        this.#failure = undefined;
      },
      (error: unknown) => {
        // An error of the caller is not a failure of the journal.
        if (isCachesError(error) && error.code === "ERR_PUSH_ID_CONFLICT") return;
        this.#failure = { since: this.#failure?.since ?? this.#clock.monotonic(), error };
      },
    );
    return answer;
  }
}
