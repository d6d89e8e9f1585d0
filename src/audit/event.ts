import type { CachesErrorCode } from "../core/error-codes.ts";
import type { Decision } from "../policy/decision.ts";
import type { GitRef } from "../policy/git-ref.ts";

/**
 * Something that happened. An event cannot contain a secret; credentials appear by name only.
 *
 * A push emits `permission.decided` for each cache and, if one allows it, `push.dispatched`. Then each
 * allowed cache emits `push.started` before anything is read or run, `credentials.resolved` or
 * `credentials.failed` if it gets that far, and `push.finished`.
 *
 * @public
 */
export type AuditEvent =
  | PermissionDecidedEvent
  | PushDispatchedEvent
  | PushStartedEvent
  | CredentialsResolvedEvent
  | CredentialsFailedEvent
  | PushFinishedEvent;

/**
 * The members of every event.
 *
 * @public
 */
export interface AuditEventBase {
  /** When, as ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  /** Joins the events of one push. */
  readonly pushId: string;
  /** The repository the build ran for. */
  readonly repository: string;
  /** What was built. */
  readonly ref?: GitRef | undefined;
  /** Commit that was built. */
  readonly commit?: string | undefined;
  /** Name of the job. */
  readonly job: string;
  /** Id of the cache that the paths are promoted from; absent if the host has them. */
  readonly promotedFrom?: string | undefined;
  /** The delivery of a queue that the push is an attempt of; absent for a push without a queue. */
  readonly deliveryId?: string | undefined;
  /** Which attempt of the delivery it is, from 1. */
  readonly attempt?: number | undefined;
}

/**
 * A cache's permissions were evaluated.
 *
 * @public
 */
export interface PermissionDecidedEvent extends AuditEventBase {
  readonly type: "permission.decided";
  /** Id of the cache. */
  readonly cacheId: string;
  /** The answer. */
  readonly decision: Decision;
}

/**
 * At least one cache allows the push, which starts there.
 *
 * @public
 */
export interface PushDispatchedEvent extends AuditEventBase {
  readonly type: "push.dispatched";
  /** Derivation that was built. */
  readonly drvPath?: string | undefined;
  /** Ids of the caches that allow it. */
  readonly caches: readonly string[];
  /** Paths to push. */
  readonly storePaths: readonly string[];
}

/**
 * The intent to push. Every sink gets it before credentials are read and a child starts.
 *
 * @public
 */
export interface PushStartedEvent extends AuditEventBase {
  readonly type: "push.started";
  /** Id of the cache. */
  readonly cacheId: string;
  /** Where the paths are pushed to. */
  readonly destination: string;
  /** Paths to push. */
  readonly storePaths: readonly string[];
}

/**
 * Credentials were fetched.
 *
 * @public
 */
export interface CredentialsResolvedEvent extends AuditEventBase {
  readonly type: "credentials.resolved";
  /** Id of the cache. */
  readonly cacheId: string;
  /** The `type` of the source. */
  readonly sourceType: string;
  /** Names of the credentials, never their values. */
  readonly names: readonly string[];
  /** When they expire, as ISO 8601; absent if the source does not say. */
  readonly expiration?: string | undefined;
}

/**
 * Credentials could not be fetched.
 *
 * @public
 */
export interface CredentialsFailedEvent extends AuditEventBase {
  readonly type: "credentials.failed";
  /** Id of the cache. */
  readonly cacheId: string;
  /** The `type` of the source. */
  readonly sourceType: string;
  /** What went wrong. */
  readonly code: CachesErrorCode;
}

/**
 * A push that was started has ended.
 *
 * @public
 */
export interface PushFinishedEvent extends AuditEventBase {
  readonly type: "push.finished";
  /** Id of the cache. */
  readonly cacheId: string;
  /** How it ended. */
  readonly status: "pushed" | "upstream" | "skipped" | "failed" | "aborted";
  /** From start to end, in milliseconds. */
  readonly durationMs: number;
  /** Exit code of the last command; absent if none ran to its end. */
  readonly exitCode?: number | undefined;
  /** What went wrong; absent for `pushed`, `upstream` and `skipped`. */
  readonly code?: CachesErrorCode | undefined;
  /** What went wrong, for people; absent in the same cases. */
  readonly message?: string | undefined;
}
