import type { CachesErrorCode } from "../core/error-codes.ts";
import type { Without } from "../core/without.ts";
import type { TaskEnd } from "./batch-run.ts";
import { type EventSource, toEventBase } from "./event-source.ts";
import type { Batch, LeasedDelivery } from "./push-journal.ts";
import type { DeliveryEventBase, UntimedEvent } from "./queue-events.ts";

/** The outcome of a task: done, or failed with a code. */
function codeOf({ task }: TaskEnd): CachesErrorCode | undefined {
  if (task.denied !== undefined) return "ERR_PERMISSION_DENIED";
  const [error] = task.failures.values();
  return error?.code;
}

/** Emits the events of each delivery of a batch: one end for each start. */
export class BatchEvents {
  readonly #events: EventSource;
  readonly #open: Map<string, LeasedDelivery>;

  constructor({ deliveries }: Batch, events: EventSource) {
    this.#events = events;
    this.#open = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  }

  /** The remaining deliveries start. */
  start(): void {
    for (const delivery of this.#open.values()) {
      const { attempts: attempt, ageMs } = delivery;
      this.#events.emit({ ...toEventBase(delivery), type: "delivery.started", attempt, ageMs });
    }
  }

  /** A delivery was given up without an attempt. */
  bury(id: string, code: CachesErrorCode): void {
    this.#close(id, ({ attempts: attempt, ageMs }) => ({ type: "delivery.buried", attempt, code, ageMs }));
  }

  /** Some have left the batch, and the journal has it. */
  end(ends: readonly TaskEnd[]): void {
    for (const end of ends)
      this.#close(end.task.id, ({ attempts: attempt, ageMs }) => {
        if (end.status === "retry")
          return { type: "delivery.retried", attempt, inMs: end.inMs, ...end.failure };
        if (end.status === "released") return { type: "delivery.abandoned", attempt, reason: "released" };
        const code = codeOf(end);
        if (code !== undefined) return { type: "delivery.buried", attempt, code, ageMs };
        return { type: "delivery.settled", attempt, status: end.task.endStatus, ageMs };
      });
  }

  /** The lease of the others is lost. */
  abandon(): void {
    for (const id of [...this.#open.keys()])
      this.#close(id, ({ attempts: attempt }) => ({
        type: "delivery.abandoned",
        attempt,
        reason: "lease-lost",
      }));
  }

  #close(id: string, toEvent: (delivery: LeasedDelivery) => DeliveryEnd): void {
    const delivery = this.#open.get(id);
    if (delivery === undefined) return;
    this.#open.delete(id);
    this.#events.emit({ ...toEventBase(delivery), ...toEvent(delivery) });
  }
}

/** The end of an attempt, without the members that all events of a delivery share. */
type DeliveryEnd = Without<
  Extract<
    UntimedEvent,
    { readonly type: "delivery.retried" | "delivery.settled" | "delivery.buried" | "delivery.abandoned" }
  >,
  keyof DeliveryEventBase
>;
