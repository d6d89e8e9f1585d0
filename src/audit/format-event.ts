import { escapeText } from "../core/text.ts";
import type { Decision } from "../policy/decision.ts";
import type { AuditEvent, PermissionDecidedEvent, PushDispatchedEvent, PushFinishedEvent } from "./event.ts";

/**
 * Writes an event as a line of the server's log. Names from outside are escaped, so a branch name cannot
 * forge a line.
 *
 * @param event - any event
 * @returns one line of printable ASCII, without a line break at its end
 *
 * @example
 * ```ts
 * registry.subscribe((event) => console.log(formatAuditEvent(event)));
 * // [WARN] Permission denied for cache 'prod-cache' in myorg/myrepo: Branch develop is not allowed
 * ```
 *
 * @public
 */
export function formatAuditEvent(event: AuditEvent): string {
  return escapeText(toLine(event));
}

/**
 * Writes an event as a line of JSON, for machines.
 *
 * @param event - any event
 * @returns one line of printable ASCII, without a line break at its end
 *
 * @example
 * ```ts
 * registry.subscribe((event) => log(formatAuditJson(event)));
 * ```
 *
 * @public
 */
export function formatAuditJson(event: AuditEvent): string {
  const json = JSON.stringify(event);
  return json.replace(/[^\x20-\x7e]/gu, (character) =>
    Array.from({ length: character.length }, (_unit, index) =>
      toJsonEscape(character.charCodeAt(index)),
    ).join(""),
  );
}

function toJsonEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}

function toLine(event: AuditEvent): string {
  switch (event.type) {
    case "push.dispatched":
      return `[INFO] Sent hook task for ${toTask(event)} (job: ${event.job})`;
    case "permission.decided":
      return toDecisionLine(event, event.decision);
    case "push.started":
      return `[INFO] Push of ${countPaths(event.storePaths)} to cache '${event.cacheId}' started (job: ${event.job})`;
    case "credentials.resolved":
      return `[INFO] Credentials for cache '${event.cacheId}' resolved from ${event.sourceType}${toExpiration(event)}`;
    case "credentials.failed":
      return `[WARN] Credentials for cache '${event.cacheId}' not resolved from ${event.sourceType}: ${event.code}`;
    case "push.finished":
      return toFinishedLine(event);
  }
}

function toTask({ drvPath, storePaths }: PushDispatchedEvent): string {
  return drvPath === undefined ? countPaths(storePaths) : `drv ${drvPath}`;
}

function countPaths(storePaths: readonly string[]): string {
  return storePaths.length === 1 ? "1 store path" : `${storePaths.length} store paths`;
}

function toExpiration({ expiration }: { readonly expiration?: string | undefined }): string {
  return expiration === undefined ? "" : `, valid until ${expiration}`;
}

function toDecisionLine({ cacheId, repository }: PermissionDecidedEvent, decision: Decision): string {
  if (decision.effect === "allow") {
    return `[INFO] Permission granted for cache '${cacheId}' in ${repository}: ${decision.reason}`;
  }
  if (decision.reason === "unknown-cache") {
    return `[WARN] Cache ID '${cacheId}' not found in server registry, skipping`;
  }
  return `[WARN] Permission denied for cache '${cacheId}' in ${repository}: ${decision.message}`;
}

function toFinishedLine(event: PushFinishedEvent): string {
  switch (event.status) {
    case "pushed":
      return `[INFO] Push to cache '${event.cacheId}' finished in ${(event.durationMs / 1000).toFixed(1)} s`;
    case "upstream":
      return `[INFO] Push to cache '${event.cacheId}' left to an upstream in ${(event.durationMs / 1000).toFixed(1)} s`;
    case "skipped":
      return `[INFO] Push to cache '${event.cacheId}' left out by its rules in ${(event.durationMs / 1000).toFixed(1)} s`;
    case "aborted":
      return `[WARN] Push to cache '${event.cacheId}' aborted`;
    case "failed":
      return event.code === "ERR_PUSH_TIMEOUT"
        ? `[WARN] ${event.message}`
        : `[ERROR] Failed to execute hook: ${event.message}`;
  }
}
