import { listDeadLetters } from "./dead-letters.ts";
import type { DeliveryWorker } from "./delivery-worker.ts";
import type { ObservedJournal } from "./observed-journal.ts";
import type { DeliveryRecord, ListRequest, PageRequest } from "./push-journal.ts";
import type { QueueMeter } from "./queue-meter.ts";
import type { DeadLetter, QueuedDelivery, QueueHealth, QueueStats } from "./queue-types.ts";
import { readStoredRequest } from "./stored-request.ts";

/** What an inspector needs. */
export interface QueueInspectorOptions {
  readonly journal: ObservedJournal;
  readonly worker: DeliveryWorker;
  readonly meter: QueueMeter;
}

/** Maximum number of entries of a page. */
const PAGE = 1_000;

/** Clamps a page request to its limits. Anything but a number means the default. */
function toPage({ after, limit = PAGE }: Partial<PageRequest>): PageRequest {
  const most = Number.isNaN(limit) ? PAGE : Math.min(Math.max(1, Math.floor(limit)), PAGE);
  const isPlace = after !== undefined && Number.isFinite(after);
  return { limit: most, after: isPlace ? Math.floor(after) : undefined };
}

/** Answers queries about a queue. */
export class QueueInspector {
  readonly #options: QueueInspectorOptions;

  constructor(options: QueueInspectorOptions) {
    this.#options = options;
  }

  deadLetters(page: Partial<PageRequest>): Promise<readonly DeadLetter[]> {
    return listDeadLetters(this.#journal, toPage(page));
  }

  async list(request: Partial<ListRequest>): Promise<readonly QueuedDelivery[]> {
    return (await this.#journal.list({ ...request, ...toPage(request) })).map(toQueued);
  }

  async get(id: string): Promise<QueuedDelivery | undefined> {
    return (await this.#journal.find([id])).map(toQueued)[0];
  }

  /** Makes dead letters wait again; page by page if no ids are given. */
  async replay(ids: readonly string[] | undefined): Promise<number> {
    if (ids !== undefined) return this.#journal.replay(ids);
    let count = 0;
    let after: number | undefined;
    for (;;) {
      const letters = await this.#journal.deadLetters({ after, limit: PAGE });
      if (letters.length === 0) return count;
      // A letter that dies again meanwhile keeps its position, so it is not replayed twice.
      after = letters.at(-1)?.position;
      count += await this.#journal.replay(letters.map(({ id }) => id));
    }
  }

  /** The counts of the journal, with what this queue knows about each cache. */
  async stats(): Promise<readonly QueueStats[]> {
    const { worker, meter } = this.#options;
    const closed = new Map(worker.closedLanes().map(({ cacheId, opensInMs }) => [cacheId, opensInMs]));
    const counted = new Map((await this.#journal.stats()).map((stats) => [stats.cacheId, stats]));
    return [...new Set([...counted.keys(), ...closed.keys()])].map((cacheId) => {
      const none = { cacheId, waiting: 0, held: 0, dead: 0, oldestMs: 0, attempts: 0 };
      const isClosed = closed.has(cacheId);
      const breaker = isClosed ? ({ state: "open", opensInMs: closed.get(cacheId) ?? 0 } as const) : CLOSED;
      return { ...none, ...counted.get(cacheId), breaker, ...meter.ratesOf(cacheId) };
    });
  }

  health(): QueueHealth {
    const { worker } = this.#options;
    const { condition: journal, isNotified } = this.#journal;
    const closedLanes = worker.closedLanes().map(({ cacheId }) => cacheId);
    const isHostShort = worker.isHostShort;
    const isDegraded = closedLanes.length > 0 || isHostShort || isNotified === false;
    const hasFailed = !journal.isAnswering || worker.failure !== undefined;
    const status = hasFailed ? "failed" : isDegraded ? "degraded" : "ok";
    return { status, journal, isNotified, closedLanes, isHostShort };
  }

  get #journal() {
    return this.#options.journal;
  }
}

const CLOSED = { state: "closed" } as const;

function toQueued(record: DeliveryRecord): QueuedDelivery {
  const { request: text, context: _context, ...known } = record;
  return { ...known, request: readStoredRequest(text, record) };
}
