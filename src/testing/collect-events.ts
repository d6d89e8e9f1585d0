import type { AuditEvent } from "../audit/event.ts";

/**
 * Collected events.
 *
 * @example
 * ```ts
 * const collected: CollectedEvents = collectEvents(registry);
 * await registry.push(request);
 * collected.events.map(({ type }) => type); // ["push.dispatched", "permission.decided", …]
 * ```
 *
 * @public
 */
export interface CollectedEvents {
  /** The events so far, oldest first. */
  readonly events: readonly AuditEvent[];
  /** Ends the collection. */
  stop(): void;
}

/**
 * Collects the audit events of a registry.
 *
 * @param registry - a registry, or anything else to subscribe to
 *
 * @example
 * ```ts
 * const { events } = collectEvents(registry);
 * await registry.push(request);
 * events.map((event) => event.type); // ["permission.decided", "push.dispatched", …]
 * ```
 *
 * @public
 */
export function collectEvents(registry: {
  /** Adds a listener, and returns the function that removes it. */
  subscribe(listener: (event: AuditEvent) => void): () => void;
}): CollectedEvents {
  const events: AuditEvent[] = [];
  return { events, stop: registry.subscribe((event) => events.push(event)) };
}
