import { untilItFails } from "../core/call-listener.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Delivery } from "./push-journal.ts";
import type { DeliveryEventBase, QueueEvent, UntimedEvent } from "./queue-events.ts";
import { readContext } from "./stored-context.ts";

/** Notifies the listeners of a queue. */
export class EventSource {
  readonly #runtime: Runtime;
  readonly #listeners: readonly ((event: QueueEvent) => void)[];

  /** @param listeners - those of the queue itself come first; one that fails is not called again */
  constructor(runtime: Runtime, listeners: readonly (((event: QueueEvent) => void) | undefined)[]) {
    this.#runtime = runtime;
    const onError = (): void => runtime.warn("The onEvent callback failed; it is not called again");
    this.#listeners = listeners.flatMap((listener) =>
      listener === undefined ? [] : [untilItFails(listener, onError)],
    );
  }

  readonly emit = (event: UntimedEvent): void => {
    const timed: QueueEvent = { ...event, time: new Date(this.#runtime.clock.now()).toISOString() };
    for (const listener of this.#listeners) listener(timed);
  };
}

/** The common members of a delivery's events. */
export function toEventBase({
  id,
  ticketId,
  cacheId,
  repository,
  context,
}: Delivery): Omit<DeliveryEventBase, "time"> {
  const { traceparent } = readContext(context);
  return { deliveryId: id, ticketId, cacheId, repository, traceparent };
}
