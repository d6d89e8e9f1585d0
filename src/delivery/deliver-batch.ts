import { quoteName } from "../core/text.ts";
import type { Runtime } from "../host/runtime.ts";
import type { CacheRegistry } from "../registry/cache-registry.ts";
import { isDelivered } from "../registry/is-delivered.ts";
import type { PushResult } from "../registry/push-types.ts";
import { BatchEvents } from "./batch-events.ts";
import { BatchRun, type TaskEnd } from "./batch-run.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { DeliveryTask } from "./delivery-task.ts";
import type { EventSource } from "./event-source.ts";
import type { HeldBatch, LeaseHolder } from "./lease-holder.ts";
import type { LedgerWriter } from "./ledger/ledger-writer.ts";
import type { OpenDeliveries } from "./open-deliveries.ts";
import type { Outbox } from "./outbox.ts";
import type { LeasedDelivery, Verdict } from "./push-journal.ts";
import type { QueueBounds } from "./queue-bounds.ts";
import type { SettledDelivery } from "./queue-types.ts";
import { resultOfTask } from "./result-of-task.ts";
import type { RootHolder } from "./root-holder.ts";
import type { SharedPush } from "./shared-push.ts";
import { readStoredRequest } from "./stored-request.ts";
import { writeResult } from "./stored-result.ts";
import type { TicketBook } from "./ticket-book.ts";
import { toSettled } from "./to-settled.ts";

/** What every batch of a queue shares. */
export interface DeliveryContext {
  readonly runtime: Runtime;
  readonly bounds: QueueBounds;
  readonly leases: LeaseHolder;
  readonly deliveries: OpenDeliveries;
  readonly tickets: TicketBook;
  readonly outbox: Outbox;
  readonly roots: RootHolder;
  readonly events: EventSource;
  readonly ledger: LedgerWriter;
  readonly findRegistry: () => CacheRegistry;
  readonly push: SharedPush;
}

/** How one batch is delivered. */
export interface BatchOptions {
  readonly breaker: CircuitBreaker;
  /** Called after each attempt with whether it failed because the host was short of something. */
  readonly onAttempt: (isHostShort: boolean) => void;
  /**
   * Whether its deliveries waited beyond their deadline for a cache that is away, and are given up untried.
   */
  readonly isOverdue: boolean;
  /** Ends the batch when the queue closes. */
  readonly closing: AbortSignal;
}

/** Delivers a held batch, and writes the outcome of each delivery, step by step. It never rejects. */
export async function deliverBatch(
  held: HeldBatch,
  options: BatchOptions,
  context: DeliveryContext,
): Promise<void> {
  const { cacheId, deliveries, token } = held.batch;
  const ids = deliveries.map(({ id }) => id);
  context.deliveries.hold(ids, token);
  const told = new BatchEvents(held.batch, context.events);
  try {
    const { tasks, unreadable } = await readTasks(deliveries, options, context);
    if (unreadable.length > 0 && !(await bury(held, unreadable, context))) return;
    for (const { id } of unreadable) told.bury(id, UNREADABLE.code);
    told.start();
    const { clock, random } = context.runtime;
    const signal = AbortSignal.any([held.lost, options.closing]);
    const run = new BatchRun(tasks, {
      ...{ clock, random, signal, breaker: options.breaker, onAttempt: options.onAttempt },
      maxBatchPaths: context.bounds.maxBatchPaths,
      retry: { ...context.bounds.backoff, maxAttempts: context.bounds.maxAttempts },
      push: (requests) => context.push(cacheId, requests, signal),
    });
    for await (const ends of run.run()) {
      if (ends.length > 0 && !(await settle(held, ends, context))) return;
      told.end(ends);
    }
  } finally {
    told.abandon();
    context.leases.release(held);
    for (const id of ids) context.deliveries.letGo(id, token);
  }
}

const UNREADABLE = {
  code: "ERR_REQUEST_UNREADABLE",
  message:
    "The journal has a request that cannot be read, so it was not pushed; drop it, or enqueue it again",
} as const;

/** Buries and reports what cannot be read. @returns false if the lease is lost */
async function bury(
  held: HeldBatch,
  unreadable: readonly LeasedDelivery[],
  context: DeliveryContext,
): Promise<boolean> {
  const verdicts = unreadable.map(({ id }): Verdict => {
    return { id, status: "dead", ...UNREADABLE, isTold: isToldHere(id, context) };
  });
  if (!(await context.leases.settle(held, verdicts))) return false;
  for (const { id } of unreadable)
    context.runtime.warn(`The delivery ${quoteName(id)} cannot be read; it is a dead letter`);
  const outcomes = unreadable.map((delivery) => ({ ...delivery, ...UNREADABLE, position: 0 }));
  tell(
    outcomes.map((outcome) => toSettled(outcome, context.findRegistry)),
    context,
  );
  return true;
}

/** Creates tasks for readable deliveries. Unreadable ones become dead letters, and delay no other. */
async function readTasks(
  deliveries: readonly LeasedDelivery[],
  { isOverdue }: BatchOptions,
  context: DeliveryContext,
): Promise<{ readonly tasks: readonly DeliveryTask[]; readonly unreadable: readonly LeasedDelivery[] }> {
  const now = context.runtime.clock.monotonic();
  const tasks: DeliveryTask[] = [];
  const unreadable: LeasedDelivery[] = [];
  for (const delivery of deliveries) {
    const { id, ticketId, cacheId, ageMs, attempts, progress } = delivery;
    const request = readStoredRequest(delivery.request, delivery);
    if (request === undefined) {
      unreadable.push(delivery);
      continue;
    }
    const deadline = now + context.bounds.deadlineMs - ageMs;
    const earlier = context.deliveries.earlier(id);
    const queued = request.with({ delivery: { id, attempt: attempts } });
    const task = new DeliveryTask({ id, ticketId, cacheId, request: queued, deadline, progress, earlier });
    // What was never tried is tried once, however long it has waited, unless its cache is away.
    if (deadline <= now && (isOverdue || attempts > 1)) task.expire();
    if (!context.deliveries.isOwn(id)) await context.roots.tryHold({ id, request });
    tasks.push(task);
  }
  return { tasks, unreadable };
}

/** Writes how tasks ended, then reports it. @returns false if the lease is lost: then nothing is reported */
async function settle(held: HeldBatch, ends: readonly TaskEnd[], context: DeliveryContext): Promise<boolean> {
  const results = new Map(
    ends.flatMap(({ task, status }) =>
      status === "settled" ? [[task, resultOfTask(task, context.findRegistry)] as const] : [],
    ),
  );
  const verdicts = ends.map((end) => toVerdict(end, results.get(end.task), context));
  // This comes first: a host that is killed in between delivers again, and records again.
  await context.ledger.record([...results].map(([{ request }, result]) => ({ request, result })));
  if (!(await context.leases.settle(held, verdicts))) return false;
  const { token } = held.batch;
  for (const { task, status } of ends)
    if (status !== "settled") context.deliveries.letGo(task.id, token, task);
  await context.roots.release([...results.keys()].map(({ id }) => id));
  const settled = [...results].map(([{ id, ticketId, request }, result]): SettledDelivery => {
    return { deliveryId: id, ticketId, request, result };
  });
  tell(settled, context);
  return true;
}

function tell(settled: readonly SettledDelivery[], context: DeliveryContext): void {
  for (const { deliveryId } of settled) context.deliveries.settle(deliveryId);
  // The listener is called first, so that a waiter for the ticket finds the outcome told.
  context.outbox.tell(settled);
  for (const { ticketId, result } of settled) context.tickets.settle(ticketId, result);
}

/** Only this queue has a ticket for what it accepted. */
function isToldHere(id: string, { outbox, deliveries }: DeliveryContext): boolean {
  return !outbox.isListening && deliveries.isOwn(id);
}

function toVerdict(end: TaskEnd, result: PushResult | undefined, context: DeliveryContext): Verdict {
  const { task } = end;
  const { id } = task;
  if (end.status === "retry") return { id, status: "retry", inMs: end.inMs, progress: end.progress };
  if (result === undefined) return { id, status: "released" };
  const outcome = { id, result: writeResult(result), isTold: isToldHere(id, context) };
  if (isDelivered(result)) return { ...outcome, status: "done" };
  const dead = {
    ...outcome,
    status: "dead" as const,
    progress: task.toProgress(0, Number.POSITIVE_INFINITY),
  };
  if (result.status === "denied")
    return { ...dead, code: "ERR_PERMISSION_DENIED", message: result.decision.message };
  const { code, message } = result.status === "failed" ? result.error : ABORTED;
  return { ...dead, code, message };
}

// A settled task has nothing left, so it is pushed, denied or failed.
const ABORTED = { code: "ERR_PUSH_ABORTED", message: "The push was aborted" };
