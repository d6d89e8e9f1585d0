import { callListener } from "../core/call-listener.ts";
import { PushError } from "../core/errors.ts";
import { deepFreeze } from "../core/freeze.ts";
import { withDeadline } from "../host/deadline.ts";
import type { Clock } from "../host/runtime.ts";
import type { AuditEvent } from "./event.ts";
import { formatAuditEvent, formatAuditJson } from "./format-event.ts";

/** How long a sink may take for one event. */
const SINK_TIMEOUT_MS = 10_000;

/**
 * Stores every event. While a sink throws, rejects or hangs for 10 s, nothing is pushed.
 *
 * Write synchronously, or wait until the bytes are on the disk. `write()` of a stream reports a full disk
 * only later.
 *
 * @example
 * ```ts
 * const sink: AuditSink = { write: (event) => archive(event) }; // awaited: while it rejects, nothing is pushed
 * ```
 *
 * @public
 */
export interface AuditSink {
  /** Stores one event. It returns, or resolves, when the event is safe. */
  write(event: AuditEvent): void | PromiseLike<void>;
}

/**
 * Options of {@link createLineSink}.
 *
 * @example
 * ```ts
 * const options: LineSinkOptions = { write: (line) => log(line), format: "json" };
 * ```
 *
 * @public
 */
export interface LineSinkOptions {
  /** Stores one line, which ends with a line break. */
  readonly write: (line: string) => void | PromiseLike<void>;
  /** `text` for the lines of the guide, `json` for JSON lines; default `text`. */
  readonly format?: "text" | "json" | undefined;
}

/**
 * Creates a sink that writes each event as a line.
 *
 * @param options - format, and where lines go
 *
 * @example
 * ```ts
 * import { appendFileSync } from "node:fs";
 *
 * const sink = createLineSink({ format: "json", write: (line) => appendFileSync("/var/log/eka-ci/audit.jsonl", line) });
 * const registry = await CacheRegistry.load(undefined, { auditSinks: [sink] });
 * ```
 *
 * @public
 */
export function createLineSink(options: LineSinkOptions): AuditSink {
  const format = options.format === "json" ? formatAuditJson : formatAuditEvent;
  return { write: (event) => options.write(`${format(event)}\n`) };
}

/** What {@link AuditLog} works with. */
export interface AuditLogOptions {
  readonly enabled: boolean;
  readonly sinks: readonly AuditSink[];
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

/** Delivers events to listeners, and waits for sinks. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #listeners = new Set<(event: AuditEvent) => unknown>();

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  /** Adds a listener, and returns the function that removes it. */
  subscribe(listener: (event: AuditEvent) => void): () => void {
    // A wrapper, so that a function subscribed twice is two listeners.
    const entry = (event: AuditEvent): unknown => listener(event);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /**
   * Delivers one immutable event.
   *
   * @param signal - aborts the wait; its reason is then thrown
   * @param timeoutMs - how long a sink may take; default 10 s
   * @throws {@link PushError} `ERR_AUDIT_FAILED` if a sink did not store it
   */
  async emit(event: AuditEvent, signal?: AbortSignal, timeoutMs = SINK_TIMEOUT_MS): Promise<void> {
    if (!this.#options.enabled) return;
    deepFreeze(event);
    for (const listener of this.#listeners) this.#tell(listener, event);
    const outcomes = await Promise.allSettled(
      this.#options.sinks.map((sink) => this.#write(sink, event, signal, timeoutMs)),
    );
    signal?.throwIfAborted();
    if (outcomes.every(({ status }) => status === "fulfilled")) return;
    const message = `An audit sink did not store the event ${event.type}; see the sink's own log for the reason`;
    throw new PushError("ERR_AUDIT_FAILED", message);
  }

  #write(
    sink: AuditSink,
    event: AuditEvent,
    signal: AbortSignal | undefined,
    timeoutMs: number,
  ): Promise<void> {
    return withDeadline(() => sink.write(event), {
      signal,
      clock: this.#options.clock,
      timeoutMs: Math.min(timeoutMs, SINK_TIMEOUT_MS),
      onTimeout: () => new PushError("ERR_AUDIT_FAILED", "The audit sink did not answer in time"),
    });
  }

  #tell(listener: (event: AuditEvent) => unknown, event: AuditEvent): void {
    callListener(listener, event, () => {
      this.#options.warn(`A listener of audit events failed at ${event.type}; pushes go on`);
    });
  }
}
