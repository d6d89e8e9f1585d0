import type { CachesErrorCode } from "../core/error-codes.ts";
import type { Without } from "../core/without.ts";
import type { FailureClass } from "../execution/failure.ts";

/**
 * What a queue does, as it does it: for metrics, traces and logs. Whether `audit_hooks` is on does not
 * matter, nothing waits for a listener, and an event holds no path and no secret.
 *
 * A delivery is `accepted` once, by the queue that takes the request. Each attempt is `started`, and ends as
 * `retried`, `settled`, `buried` or `abandoned`. A lane is the way to one cache, for this queue: it is
 * `closed` while the cache seems to be away.
 *
 * @public
 */
export type QueueEvent =
  | DeliveryAcceptedEvent
  | DeliveryStartedEvent
  | DeliveryRetriedEvent
  | DeliverySettledEvent
  | DeliveryBuriedEvent
  | DeliveryAbandonedEvent
  | LaneClosedEvent
  | LaneOpenedEvent;

/**
 * What every event of a delivery says.
 *
 * @public
 */
export interface DeliveryEventBase {
  /** When, as ISO 8601 in UTC with milliseconds, by the clock of the host. */
  readonly time: string;
  /** Id of the delivery. */
  readonly deliveryId: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** The repository of the request. */
  readonly repository: string;
  /** The trace that the request belongs to. */
  readonly traceparent?: string | undefined;
}

/**
 * A delivery was accepted, and is journalled.
 *
 * @public
 */
export interface DeliveryAcceptedEvent extends DeliveryEventBase {
  readonly type: "delivery.accepted";
}

/**
 * An attempt begins.
 *
 * @public
 */
export interface DeliveryStartedEvent extends DeliveryEventBase {
  readonly type: "delivery.started";
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** How long ago the delivery was accepted, in milliseconds. */
  readonly ageMs: number;
}

/**
 * An attempt has ended, and there will be another.
 *
 * @public
 */
export interface DeliveryRetriedEvent extends DeliveryEventBase {
  readonly type: "delivery.retried";
  /** Which attempt it was. */
  readonly attempt: number;
  /** How long until the next attempt at the earliest, in milliseconds. */
  readonly inMs: number;
  /** What the failure means; absent where nothing failed, as in an attempt that was ended. */
  readonly failureClass?: FailureClass | undefined;
  /** Code of the error. */
  readonly code?: CachesErrorCode | undefined;
}

/**
 * Everything is there: the delivery is done.
 *
 * @public
 */
export interface DeliverySettledEvent extends DeliveryEventBase {
  readonly type: "delivery.settled";
  /** Which attempt it was. */
  readonly attempt: number;
  /** How it ended. */
  readonly status: "pushed" | "upstream" | "skipped";
  /** From its acceptance to now, in milliseconds. */
  readonly ageMs: number;
}

/**
 * The delivery was given up, or is denied: it is a dead letter.
 *
 * @public
 */
export interface DeliveryBuriedEvent extends DeliveryEventBase {
  readonly type: "delivery.buried";
  /** Which attempt it was. */
  readonly attempt: number;
  /** Code of the error. */
  readonly code: CachesErrorCode;
  /** From its acceptance to now, in milliseconds. */
  readonly ageMs: number;
}

/**
 * The queue lets go of a delivery without an end: another queue goes on with it, or this one later.
 *
 * @public
 */
export interface DeliveryAbandonedEvent extends DeliveryEventBase {
  readonly type: "delivery.abandoned";
  /** Which attempt it was. */
  readonly attempt: number;
  /** The lease was lost, or the attempt was given back untried, as when the queue closes. */
  readonly reason: "lease-lost" | "released";
}

/**
 * Too many attempts at a cache failed in a row: nothing is tried there for a while.
 *
 * @public
 */
export interface LaneClosedEvent {
  readonly type: "lane.closed";
  /** When, as ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  /** The cache. */
  readonly cacheId: string;
  /** How long, in milliseconds. */
  readonly forMs: number;
}

/**
 * An attempt got through to a cache whose lane was closed.
 *
 * @public
 */
export interface LaneOpenedEvent {
  readonly type: "lane.opened";
  /** When, as ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  /** The cache. */
  readonly cacheId: string;
}

/** An event before it has its time. */
export type UntimedEvent = Without<QueueEvent, "time">;
