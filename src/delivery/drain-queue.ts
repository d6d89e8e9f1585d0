import { PushError } from "../core/errors.ts";
import { withDeadline } from "../host/deadline.ts";
import { raceWithSignal } from "../host/race-with-signal.ts";
import type { Clock } from "../host/runtime.ts";
import type { DeliveryWorker } from "./delivery-worker.ts";
import { isCorrupt } from "./journal-failure.ts";
import type { OpenDeliveries } from "./open-deliveries.ts";
import type { Outbox } from "./outbox.ts";
import type { PushJournal } from "./push-journal.ts";
import type { DrainOptions } from "./queue-types.ts";

/** What draining needs. */
export interface DrainContext {
  readonly journal: PushJournal;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly stores: readonly string[];
  /** Whether it delivers, and so handles what others accepted. */
  readonly isConsumer: boolean;
  readonly deliveries: OpenDeliveries;
  readonly outbox: Outbox;
  readonly worker: DeliveryWorker;
  /** Aborts the wait when the queue closes. */
  readonly closing: AbortSignal;
}

/** Longest pause before the journal is asked again. */
const LONGEST_PAUSE_MS = 500;

/** Waits until nothing is left to do for this queue. */
export async function drainQueue(options: DrainOptions, context: DrainContext): Promise<void> {
  const { signal, timeoutMs } = options;
  signal?.throwIfAborted();
  if (timeoutMs === undefined) return raceWithSignal(drain(context, signal), signal);
  const onTimeout = (): Error => new PushError("ERR_PUSH_TIMEOUT", "The queue was not drained in time");
  return withDeadline((ends) => drain(context, ends), { clock: context.clock, signal, timeoutMs, onTimeout });
}

async function drain(context: DrainContext, signal: AbortSignal | undefined): Promise<void> {
  const { clock, closing, leaseMs, worker } = context;
  const startedAt = clock.monotonic();
  for (;;) {
    if (signal?.aborted === true) return;
    if (closing.aborted) return endClosed(context);
    if (worker.failure !== undefined) throw worker.failure;
    // After a whole lease, whatever is still held is held by a living queue.
    const waitsForOthers = clock.monotonic() - startedAt <= leaseMs;
    if (context.deliveries.size === 0 && (await isDone(context, waitsForOthers))) return;
    await pause(context);
  }
}

/** A queue that closes without remaining deliveries of its own counts as drained. */
function endClosed({ deliveries }: DrainContext): void {
  if (deliveries.size === 0) return;
  throw new PushError(
    "ERR_QUEUE_CLOSED",
    "The queue was closed before it was drained; the rest stays in the journal",
  );
}

/** Whether the journal has nothing for this queue. One that does not answer may have anything. */
async function isDone(
  { journal, stores, outbox, isConsumer }: DrainContext,
  waitsForOthers: boolean,
): Promise<boolean> {
  try {
    await outbox.idle();
    if (!isConsumer) return true;
    const stats = await journal.stats(stores);
    const isLeft = stats.some(({ waiting, held }) => waiting > 0 || (waitsForOthers && held > 0));
    if (isLeft || !(await outbox.hasUntold())) return !isLeft;
    outbox.sweep();
    return false;
  } catch (error) {
    if (isCorrupt(error)) throw error;
    return false;
  }
}

/** Waits for a change or a timeout. */
function pause({ clock, leaseMs, deliveries, closing }: DrainContext): Promise<void> {
  const delayMs = Math.max(1, Math.min(leaseMs / 10, LONGEST_PAUSE_MS));
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      callOff();
      closing.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(end, delayMs);
    closing.addEventListener("abort", end, { once: true });
    const callOff = deliveries.onChange(end);
  });
}
