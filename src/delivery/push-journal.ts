/**
 * One request at one cache, as a journal stores it. It has no credentials, which are loaded at each attempt.
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
  /** What to push, and for whom. The queue writes and reads this text; for a journal it is opaque. */
  readonly request: string;
  /**
   * Context of the request, opaque for a journal. Requests that differ only in it are the same.
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
  /** How often a lease of it ended without renewal: its host was killed, or stood still. */
  readonly crashes: number;
  /** What the last attempt left for the next, as written by {@link Verdict}. */
  readonly progress?: string | undefined;
}

/**
 * Deliveries of one repository to one cache, held by one queue.
 *
 * @public
 */
export interface Batch {
  /**
   * The fencing token of the lease. No other batch ever has it. Every write about the batch carries it.
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
  /** Maximum number of deliveries of a batch, at least 1. */
  readonly limit: number;
  /** How long the batch is held without renewal, in milliseconds. */
  readonly leaseMs: number;
  /** How long a delivery that was never leased waits for others to share its batch, in milliseconds. */
  readonly lingerMs: number;
  /** Maximum number of batches of one cache that all queues hold at once. */
  readonly batchesPerCache: number;
  /** After how many crashes a delivery becomes a dead letter. */
  readonly maxCrashes: number;
  /** Caches from which nothing is taken now. */
  readonly exceptCaches: readonly string[];
  /** The only cache to take from; absent for any. */
  readonly onlyCache?: string | undefined;
  /** The minimum age of what is taken, in milliseconds; absent for any. */
  readonly minAgeMs?: number | undefined;
}

/**
 * The outcome of a delivery of a batch.
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
      /** The result, opaque for a journal. */
      readonly result: string;
      /** Whether nobody needs to be told. The outcome is kept for lookups by id. */
      readonly isTold: boolean;
    }
  | {
      readonly id: string;
      readonly status: "dead";
      /** The result, opaque for a journal; absent if code and message say everything. */
      readonly result?: string | undefined;
      /** Whether nobody needs to be told. The outcome is kept for lookups by id. */
      readonly isTold: boolean;
      /** What the attempts left. */
      readonly progress?: string | undefined;
      /** Code of the last error. */
      readonly code: string;
      /** Its message, free of secrets. */
      readonly message: string;
    }
  | {
      readonly id: string;
      readonly status: "retry";
      /** How long to wait, in milliseconds. */
      readonly inMs: number;
      /** What the attempt left for the next. */
      readonly progress?: string | undefined;
    }
  | { readonly id: string; readonly status: "released" };

/**
 * How a settled delivery ended. A journal keeps it until it is acknowledged, and for a while after that. A
 * journal may eventually forget an unacknowledged outcome; a durable one not before 30 days.
 *
 * @public
 */
export interface Outcome {
  /** Its position in the order of acceptance. The next page starts after it: see {@link PageRequest}. */
  readonly position: number;
  /** Id of the delivery. */
  readonly id: string;
  /** The ticket it belongs to. */
  readonly ticketId: string;
  /** The cache. */
  readonly cacheId: string;
  /** What was pushed, and for whom, as in {@link Delivery}. */
  readonly request: string;
  /** The result of its {@link Verdict}; absent for a delivery that was buried without one. */
  readonly result?: string | undefined;
  /** Code of the last error; absent if there was none. */
  readonly code?: string | undefined;
  /** Its message. */
  readonly message?: string | undefined;
}

/**
 * A delivery that was given up, as a journal stores it.
 *
 * @public
 */
export interface BuriedDelivery extends Delivery {
  /** Its position in the order of acceptance. The next page starts after it: see {@link PageRequest}. */
  readonly position: number;
  /**
   * When it was given up, in milliseconds since the Unix epoch, by the clock of the host or server that did
   * so. For people.
   */
  readonly buriedAt: number;
  /** Code of the last error. */
  readonly code: string;
  /** Its message. */
  readonly message: string;
  /** What the attempts left. */
  readonly progress?: string | undefined;
}

/**
 * A page of a list. Paging works even if entries are dropped meanwhile.
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
   * The `position` of the last known entry, which may no longer exist; absent to start at the beginning.
   */
  readonly after?: number | undefined;
  /** Maximum number of entries, 1 to 1 000. */
  readonly limit: number;
}

/**
 * The state of a delivery.
 *
 * | state | meaning |
 * |---|---|
 * | `waiting` | nobody works on it |
 * | `held` | a queue works on it |
 * | `settled` | it was pushed or cancelled; its outcome is kept for a while |
 * | `dead` | it was given up: a dead letter |
 *
 * @public
 */
export type DeliveryState = "waiting" | "held" | "settled" | "dead";

/**
 * A delivery in a journal, in any state.
 *
 * @public
 */
export interface DeliveryRecord extends Delivery {
  /** Its position in the order of acceptance. The next page starts after it: see {@link PageRequest}. */
  readonly position: number;
  /** Its state. */
  readonly state: DeliveryState;
  /** How long ago it was accepted, in milliseconds of the journal's own time. */
  readonly ageMs: number;
  /** How often it was leased. */
  readonly attempts: number;
  /** How often a lease of it ended without renewal. */
  readonly crashes: number;
  /** How long until it may be leased, in milliseconds; 0 if it may be leased now, or does not wait. */
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
  /** Only those of this cache; absent for any. */
  readonly cacheId?: string | undefined;
  /** Only those in these states; absent for any. */
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
  /** Age of the oldest delivery that waits or is held, in milliseconds; 0 if there is none. */
  readonly oldestMs: number;
  /** How often the deliveries that wait or are held were leased, in total. */
  readonly attempts: number;
}

/**
 * Stores accepted deliveries until they are settled and their outcomes are told. The default stores them in
 * memory; {@link createSqliteJournal} stores them in a file, so that they survive a crash.
 *
 * Delivery is at-least-once. One queue at a time holds a batch. A lease that is not renewed in time ends;
 * later writes with its token change nothing and report it. All times are durations, measured by the
 * journal's own clock; clocks of hosts do not count. What has resolved is durable. `describePushJournal` of
 * the testing entry tests this contract.
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
  /** Whether its content survives the process. */
  readonly isDurable: boolean;
  /** Whether queues of other processes may use it at the same time. */
  readonly isShared: boolean;
  /**
   * Stores waiting deliveries, all or none. The id of a ticket is an idempotency key. It belongs to one
   * request, even after its deliveries are settled, as long as their outcomes are kept.
   *
   * @returns the new ids; a delivery whose id is already known is left as it is
   * @throws {@link PushError} `ERR_PUSH_ID_CONFLICT` if one of the tickets is known with another `request`;
   * then nothing is stored
   */
  accept(deliveries: readonly Delivery[]): Promise<readonly string[]>;
  /**
   * Takes the next batch. The cache that was served longest ago comes first; within it, the delivery that was
   * ready first, with others of its repository and store. Before that, ended leases are taken back: their
   * deliveries count a crash, and are buried after too many. Deliveries that crashed share smaller batches,
   * down to one.
   *
   * @returns nothing if there is nothing to take now
   */
  lease(request: LeaseRequest): Promise<Batch | undefined>;
  /**
   * Renews the leases of batches, from now on.
   *
   * @returns the tokens whose lease is lost
   */
  renew(tokens: readonly string[], leaseMs: number): Promise<readonly string[]>;
  /**
   * Settles some or all deliveries of a batch; the others stay held.
   *
   * @returns false if the lease is lost; then nothing was written
   */
  settle(token: string, verdicts: readonly Verdict[]): Promise<boolean>;
  /**
   * How long until the next waiting delivery may be taken, in milliseconds; absent if nothing waits for a
   * time.
   */
  nextInMs(request: LeaseRequest): Promise<number | undefined>;
  /**
   * Calls back when something may have changed. It is a hint: some changes are missed, and some calls mean
   * nothing.
   *
   * @returns a function that ends it
   */
  watch(listener: () => void): Promise<() => Promise<void>>;
  /**
   * Outcomes that have been unacknowledged for this long, in milliseconds, in the order of acceptance.
   */
  outcomes(untoldForMs: number, page: PageRequest): Promise<readonly Outcome[]>;
  /** The outcomes of these deliveries, if they are settled and kept. */
  outcomesOf(ids: readonly string[]): Promise<readonly Outcome[]>;
  /** Acknowledges outcomes as told. */
  acknowledge(ids: readonly string[]): Promise<void>;
  /** The dead letters, in the order of acceptance. */
  deadLetters(page: PageRequest): Promise<readonly BuriedDelivery[]>;
  /** Makes dead letters wait again, as if accepted now. Returns how many there were. */
  replay(ids: readonly string[]): Promise<number>;
  /**
   * Deletes dead letters. Returns how many there were. An untold outcome is kept until it is told.
   */
  drop(ids: readonly string[]): Promise<number>;
  /** Deliveries in any state, in the order of acceptance. */
  list(request: ListRequest): Promise<readonly DeliveryRecord[]>;
  /** These deliveries, if they are known, in the order of acceptance. */
  find(ids: readonly string[]): Promise<readonly DeliveryRecord[]>;
  /**
   * Settles waiting deliveries with `ERR_DELIVERY_CANCELLED`. Their outcomes are then told.
   *
   * @returns the ids of those that waited; held deliveries go on
   */
  cancel(ids: readonly string[]): Promise<readonly string[]>;
  /**
   * The number of deliveries of each cache that has some; only of the given stores, if any are given.
   */
  stats(stores?: readonly string[]): Promise<readonly CacheStats[]>;
  /**
   * Whether changes by other hosts are notified at once; absent if there are no other hosts, or nobody
   * watches.
   */
  readonly isNotified?: boolean | undefined;
  /** Closes files and connections. */
  close(): Promise<void>;
}
