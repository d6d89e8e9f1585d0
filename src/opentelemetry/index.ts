/**
 * Traces and metrics of a queue for OpenTelemetry. It needs the package `@opentelemetry/api` beside this one.
 *
 * @packageDocumentation
 */
export {
  createQueueTelemetry,
  type QueueTelemetry,
  type QueueTelemetryOptions,
} from "./queue-telemetry.ts";
