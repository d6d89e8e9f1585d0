import { createMemoryJournal } from "@eka-ci/caches";
import { createQueueTelemetry } from "@eka-ci/caches/opentelemetry";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FakeCaches, overrideJournal, requestFor, runUntil, setUpQueue } from "../support/fake-cache.ts";

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  context.disable();
  propagation.disable();
});

function setUpProviders() {
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const read = async () => {
    exporter.reset();
    await reader.forceFlush();
    const [latest] = exporter.getMetrics();
    return new Map(
      (latest?.scopeMetrics ?? []).flatMap(({ metrics }) =>
        metrics.map(({ descriptor, dataPoints }) => [descriptor.name, { descriptor, dataPoints }] as const),
      ),
    );
  };
  return { spans, tracerProvider, meterProvider, read };
}

it("an attempt is a span, whose parent is the one of another host that enqueued the request", async () => {
  const { spans, tracerProvider, meterProvider } = setUpProviders();
  const telemetry = createQueueTelemetry({ tracerProvider, meterProvider });
  const journal = overrideJournal(createMemoryJournal(), { close: async () => undefined });
  const producer = setUpQueue(new FakeCaches(), { journal, role: "producer" });
  const parent = tracerProvider.getTracer("host").startSpan("build");
  const ticket = await context.with(trace.setSpan(context.active(), parent), () =>
    producer.queue.enqueue(telemetry.inject(requestFor(["a"], 1))),
  );
  parent.end();
  let failures = 1;
  const caches = new FakeCaches(() =>
    failures-- > 0 ? { exitCode: 1, stderr: "HTTP error 503 (curl error 22)" } : undefined,
  );
  const { clock } = producer;
  const consumer = setUpQueue(caches, { journal, clock, role: "consumer", onEvent: telemetry.onEvent });
  await runUntil(clock, ticket.done);
  await consumer.queue.close();
  await producer.queue.close();
  const [, first, second] = spans.getFinishedSpans();
  for (const span of [first, second]) {
    expect(span).toMatchObject({ name: "push a", kind: SpanKind.CONSUMER });
    expect(span?.spanContext().traceId).toBe(parent.spanContext().traceId);
    expect(span?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
  }
  expect(first?.status.code).toBe(SpanStatusCode.ERROR);
  expect(first?.attributes).toEqual({
    "eka_ci.cache.id": "a",
    "eka_ci.delivery.id": `${ticket.id}/a`,
    "eka_ci.delivery.attempt": 1,
    "eka_ci.repository": "o/r",
    "eka_ci.delivery.outcome": "retried",
    "error.type": "ERR_PUSH_FAILED",
  });
  expect(second?.attributes).toMatchObject({
    "eka_ci.delivery.attempt": 2,
    "eka_ci.delivery.outcome": "pushed",
  });
});

it("metrics have their units, few attributes, and the counts of the journal", async () => {
  const { tracerProvider, meterProvider, read } = setUpProviders();
  const telemetry = createQueueTelemetry({ tracerProvider, meterProvider });
  const caches = new FakeCaches((name) =>
    name === "b" ? { exitCode: 1, stderr: "HTTP error 404" } : undefined,
  );
  const { queue, clock } = setUpQueue(caches, { onEvent: telemetry.onEvent });
  const stop = telemetry.observe(queue);
  for (const cache of ["a", "b"]) await runUntil(clock, (await queue.enqueue(requestFor([cache], 1))).done);
  const metrics = await read();
  const unitOf = (name: string): string | undefined => metrics.get(name)?.descriptor.unit;
  expect(unitOf("eka_ci.caches.deliveries.accepted")).toBe("{delivery}");
  expect(unitOf("eka_ci.caches.delivery.duration")).toBe("s");
  expect(
    metrics.get("eka_ci.caches.delivery.attempts")?.dataPoints.map(({ attributes }) => attributes),
  ).toEqual([
    { "eka_ci.cache.id": "a", "eka_ci.delivery.outcome": "pushed" },
    { "eka_ci.cache.id": "b", "eka_ci.delivery.outcome": "buried", "error.type": "ERR_PUSH_FAILED" },
  ]);
  const states = metrics.get("eka_ci.caches.deliveries")?.dataPoints ?? [];
  expect(states.find(({ attributes }) => attributes["eka_ci.delivery.state"] === "dead")?.value).toBe(1);
  stop();
  await queue.close();
  expect((await read()).has("eka_ci.caches.delivery.attempts")).toBe(true);
});

it("a request enqueued outside of any span has no parent, and without providers nothing happens", async () => {
  const { spans, tracerProvider } = setUpProviders();
  const telemetry = createQueueTelemetry({ tracerProvider });
  const request = requestFor(["a"], 1);
  expect(telemetry.inject(request)).toBe(request);
  const { queue, clock } = setUpQueue(new FakeCaches(), { onEvent: telemetry.onEvent });
  await runUntil(clock, (await queue.enqueue(request)).done);
  expect(spans.getFinishedSpans()[0]?.parentSpanContext).toBeUndefined();
  await queue.close();
});
