/**
 * Metrics of a queue for Prometheus. It needs the package `prom-client` beside this one.
 *
 * @packageDocumentation
 */
export {
  createPrometheusMetrics,
  type PrometheusMetrics,
  type PrometheusMetricsOptions,
} from "./prometheus-metrics.ts";
