import { Counter, Gauge, Histogram, type Registry, register } from "prom-client";
import type { PushQueue } from "../delivery/push-queue.ts";
import type { QueueEvent } from "../delivery/queue-events.ts";
import { CacheLabels } from "./cache-labels.ts";

/**
 * Options of {@link createPrometheusMetrics}.
 *
 * @example
 * ```ts
 * import { Registry } from "prom-client";
 *
 * const options: PrometheusMetricsOptions = { register: new Registry() };
 * ```
 *
 * @public
 */
export interface PrometheusMetricsOptions {
  /** The registry of metrics to add to; default that of `prom-client` itself. */
  readonly register?: Registry | undefined;
  /** Maximum number of caches with their own label; the others share `other`. Default 1 000. */
  readonly maxCaches?: number | undefined;
}

/**
 * Metrics of queues.
 *
 * | metric | labels | meaning |
 * |---|---|---|
 * | `eka_ci_caches_deliveries_accepted_total` | `cache` | journalled deliveries |
 * | `eka_ci_caches_delivery_attempts_total` | `cache` | attempts that started |
 * | `eka_ci_caches_delivery_retries_total` | `cache`, `class` | attempts that are retried |
 * | `eka_ci_caches_deliveries_settled_total` | `cache`, `status` | deliveries that ended: `pushed`, `upstream`, `skipped` or `buried` |
 * | `eka_ci_caches_dead_letters_total` | `cache`, `code` | deliveries that were given up, by the error |
 * | `eka_ci_caches_deliveries_abandoned_total` | `cache`, `reason` | attempts that ended without an outcome |
 * | `eka_ci_caches_delivery_duration_seconds` | `cache` | histogram: from acceptance to the end |
 * | `eka_ci_caches_deliveries` | `cache`, `state` | deliveries that are `waiting`, `held` or `dead` now, of all queues on the journal |
 * | `eka_ci_caches_oldest_delivery_age_seconds` | `cache` | age of the oldest delivery that waits or is held |
 * | `eka_ci_caches_lane_closed` | `cache` | 1 while the circuit breaker of the cache is open |
 * | `eka_ci_caches_journal_up` | | 1 if the last operation of the journal succeeded |
 *
 * No path, repository or ref is a label.
 *
 * @public
 */
export interface PrometheusMetrics {
  /** The registry that has them. */
  readonly register: Registry;
  /** Counts an event: use it as `onEvent` of a queue. */
  readonly onEvent: (event: QueueEvent) => void;
  /**
   * Queries a queue for its counts at each scrape. One queue of a journal is enough.
   *
   * @returns a function that ends it
   */
  readonly observe: (queue: PushQueue) => () => void;
}

const PREFIX = "eka_ci_caches_";
/** From a second to the deadline of a delivery. */
const BUCKETS = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

/**
 * Creates the metrics of queues, and adds them to a registry.
 *
 * @param options - the registry, and limits
 *
 * @example
 * ```ts
 * const metrics = createPrometheusMetrics();
 * const deliveries = new PushQueue(registry, { onEvent: metrics.onEvent });
 * metrics.observe(deliveries);
 * ```
 *
 * @public
 */
export function createPrometheusMetrics(options: PrometheusMetricsOptions = {}): PrometheusMetrics {
  const chosen = options.register ?? register;
  const registers = [chosen];
  const labels = new CacheLabels(options.maxCaches ?? 1_000);
  return {
    register: chosen,
    onEvent: createEventCounter(registers, labels),
    observe: createObserver(registers, labels),
  };
}

function createCounters(registers: Registry[]) {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `${PREFIX}${name}_total`, help, labelNames: ["cache", ...labelNames], registers });
  return {
    accepted: counter("deliveries_accepted", "Requests at a cache that were journalled"),
    attempts: counter("delivery_attempts", "Attempts that began"),
    retries: counter("delivery_retries", "Attempts that are repeated, by what the failure means", "class"),
    settled: counter("deliveries_settled", "Deliveries that ended, by how", "status"),
    letters: counter("dead_letters", "Deliveries that were given up, by the code of the error", "code"),
    abandoned: counter("deliveries_abandoned", "Attempts that ended without an end", "reason"),
    duration: new Histogram({
      name: `${PREFIX}delivery_duration_seconds`,
      help: "From the acceptance of a delivery to its end",
      labelNames: ["cache"],
      buckets: BUCKETS,
      registers,
    }),
  };
}

function createEventCounter(registers: Registry[], labels: CacheLabels): (event: QueueEvent) => void {
  const { accepted, attempts, retries, settled, letters, abandoned, duration } = createCounters(registers);
  return (event) => {
    const cache = labels.of(event.cacheId);
    switch (event.type) {
      case "delivery.accepted":
        accepted.inc({ cache });
        break;
      case "delivery.started":
        attempts.inc({ cache });
        break;
      case "delivery.retried":
        retries.inc({ cache, class: event.failureClass ?? "none" });
        break;
      case "delivery.settled":
        settled.inc({ cache, status: event.status });
        duration.observe({ cache }, event.ageMs / 1_000);
        break;
      case "delivery.buried":
        settled.inc({ cache, status: "buried" });
        letters.inc({ cache, code: event.code });
        duration.observe({ cache }, event.ageMs / 1_000);
        break;
      case "delivery.abandoned":
        abandoned.inc({ cache, reason: event.reason });
        break;
      case "lane.closed":
      case "lane.opened":
        // The gauge reports it.
        break;
    }
  };
}

function createObserver(registers: Registry[], labels: CacheLabels): PrometheusMetrics["observe"] {
  const queues = new Set<PushQueue>();
  let refreshing: Promise<void> | undefined;
  // A scrape reads all gauges at once, and each waits for the one query that fills them.
  const collect = (): Promise<void> => {
    refreshing ??= refresh().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name: `${PREFIX}${name}`, help, labelNames, registers, collect });
  const deliveries = gauge("deliveries", "Deliveries of all queues on the journal", ["cache", "state"]);
  const ages = gauge("oldest_delivery_age_seconds", "Age of the oldest delivery that waits or is held", [
    "cache",
  ]);
  const closed = gauge("lane_closed", "1 while nothing is tried at the cache", ["cache"]);
  const up = gauge("journal_up", "1 if the journal did what it was asked last", []);
  const refresh = async (): Promise<void> => {
    for (const metric of [deliveries, ages, closed, up]) metric.reset();
    for (const queue of queues) await read(queue);
  };
  const read = async (queue: PushQueue): Promise<void> => {
    try {
      for (const stats of await queue.stats()) {
        const cache = labels.of(stats.cacheId);
        for (const state of ["waiting", "held", "dead"] as const)
          deliveries.inc({ cache, state }, stats[state]);
        ages.set({ cache }, stats.oldestMs / 1_000);
        closed.set({ cache }, stats.breaker.state === "open" ? 1 : 0);
      }
    } catch {
      // The journal does not answer, or the queue was closed; a gauge reports that, and the scrape shows the
      // rest.
    }
    up.set(queue.health().journal.isAnswering ? 1 : 0);
  };
  return (queue) => {
    queues.add(queue);
    return () => void queues.delete(queue);
  };
}
