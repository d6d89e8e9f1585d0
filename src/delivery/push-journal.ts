import type { PushRequest } from "../registry/push-types.ts";

/**
 * One request at one cache, as a journal keeps it. It holds no credential: those are loaded at each attempt.
 *
 * @public
 */
export interface Delivery {
  /** Unique id. */
  readonly id: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** What to push, and for whom. */
  readonly request: PushRequest;
  /** When it was accepted, in milliseconds since the Unix epoch. */
  readonly acceptedAt: number;
}

/**
 * Who works on deliveries, and until when nobody else may take them.
 *
 * @public
 */
export interface Lease {
  /** Id of the queue that holds them. */
  readonly owner: string;
  /** The present, in milliseconds since the Unix epoch. */
  readonly now: number;
  /** When the lease ends unless it is renewed, likewise. */
  readonly expiresAt: number;
}

/**
 * A delivery that was given up.
 *
 * @public
 */
export interface DeadLetter {
  /** What was to be delivered; `request.storePaths` are the paths that are not there. */
  readonly delivery: Delivery;
  /** When it was given up, in milliseconds since the Unix epoch. */
  readonly buriedAt: number;
  /** Code of the error that was the last straw. */
  readonly code: string;
  /** Its message. */
  readonly message: string;
}

/**
 * Keeps what a queue has accepted until it is settled. The default keeps it in memory; {@link createSqliteJournal} keeps it in
 * a file, so that a killed host resumes.
 *
 * The contract is that of a job queue with leases, so that an engine on Redis or PostgreSQL fits: a delivery is held by one
 * queue at a time, comes back when its lease ends without renewal, and may so be delivered twice, never not at all. What
 * resolved is durable.
 *
 * @example
 * ```ts
 * const journal: PushJournal = createMemoryJournal();
 * await journal.lease({ owner: "queue-1", now: Date.now(), expiresAt: Date.now() + 60_000 }, 100);
 * ```
 *
 * @public
 */
export interface PushJournal {
  /** Whether what it keeps outlives the process. */
  readonly isDurable: boolean;
  /** Stores deliveries, held by their queue from the beginning. All or none. */
  accept(deliveries: readonly Delivery[], lease: Lease): Promise<void>;
  /** Takes deliveries that nobody holds, the oldest first. */
  lease(lease: Lease, limit: number): Promise<readonly Delivery[]>;
  /**
   * When the last lease ends that others than `owner` have now, in milliseconds since the Unix epoch; nothing if they have none. It
   * may lie in the past, where nobody has taken what they left.
   */
  heldUntil(owner: string): Promise<number | undefined>;
  /** Holds deliveries longer; what another queue holds by now is left alone. */
  renew(ids: readonly string[], lease: Lease): Promise<void>;
  /** Lets go of deliveries that are not done, so that any queue may take them; what another queue holds is left alone. */
  release(ids: readonly string[], owner: string): Promise<void>;
  /** Forgets deliveries that are done. */
  settle(ids: readonly string[]): Promise<void>;
  /** Moves a delivery to the dead letters. */
  bury(letter: DeadLetter): Promise<void>;
  /** The dead letters, oldest first. */
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Takes dead letters back among the deliveries, held by nobody, and returns how many there were. */
  revive(ids: readonly string[]): Promise<number>;
  /** Lets go of files and connections. */
  close(): Promise<void>;
}
