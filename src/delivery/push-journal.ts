/**
 * One request at one cache, as a journal keeps it. It holds no credential: those are loaded at each attempt.
 *
 * @public
 */
export interface Delivery {
  /** Unique id: the ticket's, a slash and the cache's. A second delivery of the same id is not accepted. */
  readonly id: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** The Nix store that has the paths. Only a queue with that store takes the delivery. */
  readonly storeId: string;
  /** The repository of the request. Deliveries of one repository share batches. */
  readonly repository: string;
  /** What to push, and for whom. The queue writes this text and reads it; to a journal it is opaque. */
  readonly request: string;
  /**
   * What goes along with the request and is no part of it, to a journal opaque. Two requests that differ in
   * it alone are the same.
   */
  readonly context?: string | undefined;
}

/**
 * A delivery in a batch.
 *
 * @public
 */
export interface LeasedDelivery extends Delivery {
  /** How long ago it was accepted, in milliseconds of the journal's own time. */
  readonly ageMs: number;
  /** How often it was leased, this time included. */
  readonly attempts: number;
  /** How often a lease of it ended in silence: its host was killed, or stood still. */
  readonly crashes: number;
  /** What the last attempt left behind for the next, as {@link Verdict} wrote it. */
  readonly progress?: string | undefined;
}

/**
 * Deliveries of one repository to one cache, held by one queue.
 *
 * @public
 */
export interface Batch {
  /**
   * The fencing token of the lease. It is of no other batch, before or after; every write about the batch
   * carries it.
   */
  readonly token: string;
  /** The cache. */
  readonly cacheId: string;
  /** The deliveries, at least one, in the order in which they came. */
  readonly deliveries: readonly LeasedDelivery[];
}

/**
 * What a queue may take.
 *
 * @example
 * ```ts
 * const request: LeaseRequest = {
 *   owner: "queue-1",
 *   stores: ["local"],
 *   limit: 400,
 *   leaseMs: 60_000,
 *   lingerMs: 20,
 *   batchesPerCache: 2,
 *   maxCrashes: 5,
 *   exceptCaches: [],
 * };
 * ```
 *
 * @public
 */
export interface LeaseRequest {
  /** Id of the queue, for people who look into the journal. */
  readonly owner: string;
  /** The stores whose paths the queue can push. */
  readonly stores: readonly string[];
  /** Most deliveries of a batch, at least 1. */
  readonly limit: number;
  /** How long the batch is held unless it is renewed, in milliseconds. */
  readonly leaseMs: number;
  /** How long a delivery that was never leased waits for others to share a batch with, in milliseconds. */
  readonly lingerMs: number;
  /** Most batches of one cache that are held at once, by all queues together. */
  readonly batchesPerCache: number;
  /** After how many crashes a delivery is a dead letter. */
  readonly maxCrashes: number;
  /** Caches of which nothing is taken now. */
  readonly exceptCaches: readonly string[];
  /** The only cache of which something is taken; absent: any. */
  readonly onlyCache?: string | undefined;
  /** The least age of what is taken, in milliseconds; absent: any. */
  readonly minAgeMs?: number | undefined;
}

/**
 * What became of a delivery of a batch.
 *
 * | status | the delivery |
 * |---|---|
 * | `done` | is settled |
 * | `dead` | is settled, and a dead letter |
 * | `retry` | waits, and may be leased again after `inMs` |
 * | `released` | waits as it did before; the attempt is taken back |
 *
 * @public
 */
export type Verdict =
  | {
      readonly id: string;
      readonly status: "done";
      /** What happened, to a journal opaque. */
      readonly result: string;
      /** Whether nobody has to be told; the outcome is kept for those who ask for it by its id. */
      readonly isTold: boolean;
    }
  | {
      readonly id: string;
      readonly status: "dead";
      /** What happened, to a journal opaque; absent: no more than code and message say. */
      readonly result?: string | undefined;
      /** Whether nobody has to be told; the outcome is kept for those who ask for it by its id. */
      readonly isTold: boolean;
      /** What the attempts left behind. */
      readonly progress?: string | undefined;
      /** Code of the error that was the last straw. */
      readonly code: string;
      /** Its message, free of secrets. */
      readonly message: string;
    }
  | {
      readonly id: string;
      readonly status: "retry";
      /** How long to wait, in milliseconds. */
      readonly inMs: number;
      /** What the attempt left behind for the next. */
      readonly progress?: string | undefined;
    }
  | { readonly id: string; readonly status: "released" };

/**
 * How a settled delivery ended. A journal keeps it until it is acknowledged, and for a while after. What
 * nobody acknowledges it may forget in the end, after 30 days at the earliest if it is durable.
 *
 * @public
 */
export interface Outcome {
  /** Its place in the order of acceptance. A page goes on after it: see {@link PageRequest}. */
  readonly position: number;
  /** Id of the delivery. */
  readonly id: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** What was pushed, and for whom, as in {@link Delivery}. */
  readonly request: string;
  /** What {@link Verdict} said; absent for a delivery that was buried without one. */
  readonly result?: string | undefined;
  /** Code of the error that was the last straw; absent if there was none. */
  readonly code?: string | undefined;
  /** Its message. */
  readonly message?: string | undefined;
}

/**
 * A delivery that was given up, as a journal keeps it.
 *
 * @public
 */
export interface BuriedDelivery extends Delivery {
  /** Its place in the order of acceptance. A page goes on after it: see {@link PageRequest}. */
  readonly position: number;
  /**
   * When it was given up, in milliseconds since the Unix epoch, by the clock of the host or server that
   * buried it. For people.
   */
  readonly buriedAt: number;
  /** Code of the error that was the last straw. */
  readonly code: string;
  /** Its message. */
  readonly message: string;
  /** What the attempts left behind. */
  readonly progress?: string | undefined;
}

/**
 * Which part of a list is asked for. Pages stay good while entries are dropped.
 *
 * @example
 * ```ts
 * const page: PageRequest = { after: lastLetter?.position, limit: 100 };
 * ```
 *
 * @public
 */
export interface PageRequest {
  /**
   * The `position` of the last entry that is known already, which need not be there any more; absent: from
   * the beginning.
   */
  readonly after?: number | undefined;
  /** Most entries, 1 to 1 000. */
  readonly limit: number;
}

/**
 * How a delivery stands.
 *
 * | state | meaning |
 * |---|---|
 * | `waiting` | nobody works on it |
 * | `held` | a queue works on it |
 * | `settled` | it was pushed, or cancelled; its outcome is kept for a while |
 * | `dead` | it was given up, and is a dead letter |
 *
 * @public
 */
export type DeliveryState = "waiting" | "held" | "settled" | "dead";

/**
 * A delivery as a journal has it, whatever its state.
 *
 * @public
 */
export interface DeliveryRecord extends Delivery {
  /** Its place in the order of acceptance. A page goes on after it: see {@link PageRequest}. */
  readonly position: number;
  /** How it stands. */
  readonly state: DeliveryState;
  /** How long ago it was accepted, in milliseconds of the journal's own time. */
  readonly ageMs: number;
  /** How often it was leased. */
  readonly attempts: number;
  /** How often a lease of it ended in silence. */
  readonly crashes: number;
  /** How long until it may be leased, in milliseconds; 0 if it may be now, or does not wait. */
  readonly readyInMs: number;
  /** Code of the error that ended it; absent if there was none. */
  readonly code?: string | undefined;
  /** The message of that error. */
  readonly message?: string | undefined;
}

/**
 * Which deliveries are listed.
 *
 * @example
 * ```ts
 * const request: ListRequest = { cacheId: "production", states: ["waiting", "held"], limit: 100 };
 * ```
 *
 * @public
 */
export interface ListRequest extends PageRequest {
  /** Only those of this cache; absent: of any. */
  readonly cacheId?: string | undefined;
  /** Only those in these states; absent: in any. */
  readonly states?: readonly DeliveryState[] | undefined;
}

/**
 * How many deliveries of a cache there are.
 *
 * @public
 */
export interface CacheStats {
  /** The cache. */
  readonly cacheId: string;
  /** Deliveries that wait. */
  readonly waiting: number;
  /** Deliveries that are held by a queue. */
  readonly held: number;
  /** Dead letters. */
  readonly dead: number;
  /** Age of the oldest that waits or is held, in milliseconds; 0 if there is none. */
  readonly oldestMs: number;
  /** How often those that wait or are held were leased, all together. */
  readonly attempts: number;
}

/**
 * Keeps what a queue has accepted until it is settled and its outcome was told. The default keeps it in
 * memory; {@link createSqliteJournal} keeps it in a file, so that a killed host resumes.
 *
 * Delivery is at-least-once. A batch is held by one queue at a time. A lease that is not renewed in time
 * ends, and every later write with its token changes nothing and says so. No time of a host enters: all times
 * are lengths, measured by a clock of the journal's own. What has resolved is durable. `describePushJournal`
 * of the testing entry tells whether an implementation keeps this contract.
 *
 * @example
 * ```ts
 * const journal: PushJournal = createMemoryJournal();
 * const queue = new PushQueue(registry, { journal });
 * ```
 *
 * @public
 */
export interface PushJournal {
  /** Whether what it keeps outlives the process. */
  readonly isDurable: boolean;
  /** Whether queues of other processes may work on it at the same time. */
  readonly isShared: boolean;
  /**
   * Stores deliveries, held by nobody: all or none. The id of a ticket is an idempotency key: it stands for
   * one request, also after its deliveries were settled, as long as their outcomes are kept.
   *
   * @returns the ids that were new; a delivery whose id is known already is left as it is
   * @throws {@link PushError} `ERR_PUSH_ID_CONFLICT` if a delivery of one of the tickets is known with
   * another `request`; nothing is stored then
   */
  accept(deliveries: readonly Delivery[]): Promise<readonly string[]>;
  /**
   * Takes the next batch. The cache that was served longest ago comes first; within it the delivery that was
   * ready first, with those of its repository and store that may go along. Before that, leases that have
   * ended are taken back: their deliveries count a crash, and are buried after too many. Deliveries that
   * crashed share smaller batches, down to one.
   *
   * @returns nothing if there is nothing to take now
   */
  lease(request: LeaseRequest): Promise<Batch | undefined>;
  /**
   * Holds batches longer, from now on.
   *
   * @returns the tokens whose lease is lost
   */
  renew(tokens: readonly string[], leaseMs: number): Promise<readonly string[]>;
  /**
   * Ends some or all deliveries of a batch; the others stay held.
   *
   * @returns false if the lease is lost: nothing was written then
   */
  settle(token: string, verdicts: readonly Verdict[]): Promise<boolean>;
  /**
   * How long until something may be taken that may not be taken now, in milliseconds; absent: nothing waits
   * for time alone.
   */
  nextInMs(request: LeaseRequest): Promise<number | undefined>;
  /**
   * Calls back when something may have changed. It is a hint: some changes are not told, and some calls mean
   * nothing.
   *
   * @returns the function that ends it
   */
  watch(listener: () => void): Promise<() => Promise<void>>;
  /**
   * Outcomes that nobody has acknowledged for so long, in milliseconds, in the order in which their
   * deliveries were accepted.
   */
  outcomes(untoldForMs: number, page: PageRequest): Promise<readonly Outcome[]>;
  /** The outcomes of these deliveries, as far as they are settled and kept. */
  outcomesOf(ids: readonly string[]): Promise<readonly Outcome[]>;
  /** Takes outcomes as told. */
  acknowledge(ids: readonly string[]): Promise<void>;
  /** The dead letters, in the order in which they were accepted. */
  deadLetters(page: PageRequest): Promise<readonly BuriedDelivery[]>;
  /** Lets dead letters wait again, as if they were accepted now, and returns how many there were. */
  replay(ids: readonly string[]): Promise<number>;
  /**
   * Forgets dead letters, and returns how many there were. An outcome that was not told is kept until it is.
   */
  drop(ids: readonly string[]): Promise<number>;
  /** Deliveries in any state, in the order in which they were accepted. */
  list(request: ListRequest): Promise<readonly DeliveryRecord[]>;
  /** These deliveries, as far as they are known, in the order in which they were accepted. */
  find(ids: readonly string[]): Promise<readonly DeliveryRecord[]>;
  /**
   * Settles deliveries that wait, with `ERR_DELIVERY_CANCELLED`; their outcomes are still to be told.
   *
   * @returns the ids of those that waited; what a queue holds goes on
   */
  cancel(ids: readonly string[]): Promise<readonly string[]>;
  /**
   * How many deliveries there are, of each cache that has some; of some stores alone, where they are named.
   */
  stats(stores?: readonly string[]): Promise<readonly CacheStats[]>;
  /**
   * Whether changes that other hosts make are told at once; absent where there are none, or nobody watches.
   */
  readonly isNotified?: boolean | undefined;
  /** Lets go of files and connections. */
  close(): Promise<void>;
}
