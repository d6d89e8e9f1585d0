import type { CachesErrorCode } from "../core/error-codes.ts";
import type { Without } from "../core/without.ts";
import type { FailureClass } from "../execution/failure.ts";

/**
 * What a queue does, as it happens, for metrics, traces and logs. It does not depend on `audit_hooks`. The
 * queue does not wait for listeners. An event has no path and no secret.
 *
 * A delivery is `accepted` once, by the queue that takes the request. Each attempt is `started`, and ends as
 * `retried`, `settled`, `buried` or `abandoned`. Each cache has a lane, which is `closed` while the cache
 * seems to be away.
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
 * The members of every event of a delivery.
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
  /** The trace of the request. */
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
 * An attempt starts.
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
 * An attempt has ended and will be retried.
 *
 * @public
 */
export interface DeliveryRetriedEvent extends DeliveryEventBase {
  readonly type: "delivery.retried";
  /** Which attempt it was. */
  readonly attempt: number;
  /** Minimum time until the next attempt, in milliseconds. */
  readonly inMs: number;
  /** The class of the failure; absent if nothing failed, for example if the attempt was aborted. */
  readonly failureClass?: FailureClass | undefined;
  /** Code of the error. */
  readonly code?: CachesErrorCode | undefined;
}

/**
 * The delivery is done.
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
 * The delivery was given up or denied: it is a dead letter.
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
 * The queue releases a delivery without an outcome. Another queue, or this one later, goes on with it.
 *
 * @public
 */
export interface DeliveryAbandonedEvent extends DeliveryEventBase {
  readonly type: "delivery.abandoned";
  /** Which attempt it was. */
  readonly attempt: number;
  /** The lease was lost, or the attempt was returned untried, for example because the queue closes. */
  readonly reason: "lease-lost" | "released";
}

/**
 * Too many attempts at a cache failed in a row. Nothing is tried there for a while.
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
 * An attempt reached a cache whose lane was closed.
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
