/**
 * What a queue does, as traces and metrics of OpenTelemetry. It needs the package `@opentelemetry/api` beside
 * this one.
 *
 * @packageDocumentation
 */
export {
  createQueueTelemetry,
  type QueueTelemetry,
  type QueueTelemetryOptions,
} from "./queue-telemetry.ts";
