import {
  context,
  type Meter,
  type MeterProvider,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { PushQueue } from "../delivery/push-queue.ts";
import type { DeliveryStartedEvent, QueueEvent } from "../delivery/queue-events.ts";
import type { PushRequest } from "../registry/push-types.ts";

/**
 * Options of {@link createQueueTelemetry}.
 *
 * @example
 * ```ts
 * import { metrics, trace } from "@opentelemetry/api";
 *
 * const options: QueueTelemetryOptions = {
 *   tracerProvider: trace.getTracerProvider(),
 *   meterProvider: metrics.getMeterProvider(),
 * };
 * ```
 *
 * @public
 */
export interface QueueTelemetryOptions {
  /** Provider of tracers; default the one that the host has registered. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Provider of meters; default the one that the host has registered. */
  readonly meterProvider?: MeterProvider | undefined;
}

/**
 * Traces and metrics of a queue.
 *
 * Each attempt of a delivery is a span `push <cache>` of the kind consumer, whose parent is the span in which
 * the request was enqueued, on whatever host. Its attributes are `eka_ci.cache.id`, `eka_ci.delivery.id`,
 * `eka_ci.delivery.attempt`, `eka_ci.repository`, `eka_ci.delivery.outcome`, and `error.type` with the code
 * of an error.
 *
 * | metric | unit | attributes | meaning |
 * |---|---|---|---|
 * | `eka_ci.caches.deliveries.accepted` | `{delivery}` | `eka_ci.cache.id` | journalled deliveries |
 * | `eka_ci.caches.delivery.attempts` | `{attempt}` | `eka_ci.cache.id`, `eka_ci.delivery.outcome`, `error.type` | attempts that ended |
 * | `eka_ci.caches.delivery.duration` | `s` | `eka_ci.cache.id`, `eka_ci.delivery.outcome` | from acceptance to the end |
 * | `eka_ci.caches.deliveries` | `{delivery}` | `eka_ci.cache.id`, `eka_ci.delivery.state` | deliveries that are waiting, held or dead now |
 *
 * No path is an attribute, and no repository one of a metric.
 *
 * @public
 */
export interface QueueTelemetry {
  /** Records an event: use it as `onEvent` of a queue. */
  readonly onEvent: (event: QueueEvent) => void;
  /** Adds the active span to a request, so that its attempts are children of it. */
  readonly inject: (request: PushRequest) => PushRequest;
  /**
   * Queries a queue for its counts whenever metrics are read. One queue of a journal is enough.
   *
   * @returns a function that ends it
   */
  readonly observe: (queue: PushQueue) => () => void;
}

const NAME = "@eka-ci/caches";
/** Maximum number of attempts with open spans; more than a queue holds. */
const MAX_SPANS = 100_000;

/**
 * Creates traces and metrics of a queue.
 *
 * @param options - where they go
 *
 * @example
 * ```ts
 * const telemetry = createQueueTelemetry();
 * const deliveries = new PushQueue(registry, { onEvent: telemetry.onEvent });
 * telemetry.observe(deliveries);
 * await deliveries.enqueue(telemetry.inject(request));
 * ```
 *
 * @public
 */
export function createQueueTelemetry(options: QueueTelemetryOptions = {}): QueueTelemetry {
  const tracer = (options.tracerProvider ?? trace).getTracer(NAME);
  const meter = (options.meterProvider ?? metrics).getMeter(NAME);
  const spans = new AttemptSpans(tracer);
  const measure = createMeasure(meter);
  return {
    onEvent: (event) => {
      spans.take(event);
      measure(event);
    },
    inject,
    observe: (queue) => observe(meter, queue),
  };
}

function inject(request: PushRequest): PushRequest {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  const { traceparent } = carrier;
  return traceparent === undefined ? request : { ...request, traceparent };
}

/** How an attempt ended, and the code of the error if there was one. */
function outcomeOf(event: QueueEvent): { readonly outcome: string; readonly code?: string } | undefined {
  switch (event.type) {
    case "delivery.settled":
      return { outcome: event.status };
    case "delivery.buried":
      return { outcome: "buried", code: event.code };
    case "delivery.retried":
      return event.code === undefined ? { outcome: "retried" } : { outcome: "retried", code: event.code };
    case "delivery.abandoned":
      return { outcome: event.reason };
    case "delivery.accepted":
    case "delivery.started":
    case "lane.closed":
    case "lane.opened":
      return undefined;
  }
}

/** The spans of attempts that have not ended. */
class AttemptSpans {
  readonly #tracer: Tracer;
  readonly #open = new Map<string, Span>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  take(event: QueueEvent): void {
    if (event.type === "delivery.started") this.#start(event);
    const end = outcomeOf(event);
    if (end === undefined || !("deliveryId" in event)) return;
    const span = this.#open.get(event.deliveryId);
    this.#open.delete(event.deliveryId);
    if (span === undefined) return;
    span.setAttribute("eka_ci.delivery.outcome", end.outcome);
    if (end.code !== undefined) {
      span.setAttribute("error.type", end.code);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(new Date(event.time));
  }

  #start(event: DeliveryStartedEvent): void {
    const { deliveryId, cacheId, repository, attempt, traceparent, time } = event;
    if (this.#open.size >= MAX_SPANS) return;
    const parent =
      traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent });
    const attributes = {
      "eka_ci.cache.id": cacheId,
      "eka_ci.delivery.id": deliveryId,
      "eka_ci.delivery.attempt": attempt,
      "eka_ci.repository": repository,
    };
    const options = { kind: SpanKind.CONSUMER, startTime: new Date(time), attributes };
    this.#open.set(deliveryId, this.#tracer.startSpan(`push ${cacheId}`, options, parent));
  }
}

function createMeasure(meter: Meter): (event: QueueEvent) => void {
  const accepted = meter.createCounter("eka_ci.caches.deliveries.accepted", { unit: "{delivery}" });
  const attempts = meter.createCounter("eka_ci.caches.delivery.attempts", { unit: "{attempt}" });
  const duration = meter.createHistogram("eka_ci.caches.delivery.duration", { unit: "s" });
  return (event) => {
    const cache = { "eka_ci.cache.id": event.cacheId };
    if (event.type === "delivery.accepted") accepted.add(1, cache);
    const end = outcomeOf(event);
    if (end === undefined) return;
    const attributes = { ...cache, "eka_ci.delivery.outcome": end.outcome };
    attempts.add(1, end.code === undefined ? attributes : { ...attributes, "error.type": end.code });
    if (event.type === "delivery.settled" || event.type === "delivery.buried")
      duration.record(event.ageMs / 1_000, attributes);
  };
}

function observe(meter: Meter, queue: PushQueue): () => void {
  const gauge = meter.createObservableGauge("eka_ci.caches.deliveries", { unit: "{delivery}" });
  const callback = async (result: {
    observe: (value: number, attributes: Record<string, string>) => void;
  }): Promise<void> => {
    try {
      for (const stats of await queue.stats())
        for (const state of ["waiting", "held", "dead"] as const)
          result.observe(stats[state], {
            "eka_ci.cache.id": stats.cacheId,
            "eka_ci.delivery.state": state,
          });
    } catch {
      // The journal does not answer, or the queue was closed; nothing is reported this time.
    }
  };
  gauge.addCallback(callback);
  return () => gauge.removeCallback(callback);
}
