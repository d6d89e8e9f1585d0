import { Capacity } from "./capacity.ts";
import type { DeliveryTask } from "./delivery-task.ts";

/**
 * The unsettled deliveries that a queue knows: those that it accepted, until their outcome is known, and
 * those of others while it holds them.
 */
export class OpenDeliveries {
  readonly #limit: number;
  readonly #capacity: Capacity;
  /** Accepted here, in the state after the last attempt. */
  readonly #own = new Map<string, DeliveryTask>();
  /** The tokens of the batches that hold them. */
  readonly #held = new Map<string, string>();
  /** How many of those a batch of this queue holds. */
  #ownHeld = 0;
  /** Accepted here, and being written to the journal. */
  readonly #unwritten = new Set<string>();
  /** Accepted here, and in no batch yet. */
  readonly #fresh = new Set<string>();
  /** The number of their paths for each cache. */
  readonly #freshPaths = new Map<string, number>();
  readonly #whenChanged = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
    this.#capacity = new Capacity(limit);
  }

  /** How many there are. */
  get size(): number {
    return this.#capacity.taken;
  }

  /** How many more may be taken from the journal. What was accepted here already has room. */
  room(): number {
    return Math.max(0, this.#limit - this.size) + this.#own.size - this.#ownHeld;
  }

  /** Whether so many paths wait for one cache that waiting for more gains nothing. */
  isBatchFull(paths: number): boolean {
    for (const count of this.#freshPaths.values()) if (count >= paths) return true;
    return false;
  }

  /** Reserves room for deliveries that are about to be accepted; waits while there is none. */
  reserve(count: number): Promise<void> {
    return this.#capacity.take(count);
  }

  /** Releases reserved room that was not used. */
  giveBack(count: number): void {
    this.#free(count);
  }

  /** Accepts a delivery for which room was reserved. */
  accept(task: DeliveryTask): void {
    this.#own.set(task.id, task);
    this.#unwritten.add(task.id);
    if (!this.#held.has(task.id)) return;
    // An earlier process accepted it, and this one works on it. It already has room.
    this.#ownHeld++;
    this.#free(1);
  }

  /**
   * A delivery that was accepted here is journalled and may be taken. One that is not fresh was journalled
   * before.
   */
  journalled({ id, cacheId, remaining }: DeliveryTask, isFresh: boolean): void {
    this.#unwritten.delete(id);
    if (!isFresh || !this.#own.has(id) || this.#held.has(id)) return;
    this.#fresh.add(id);
    this.#freshPaths.set(cacheId, (this.#freshPaths.get(cacheId) ?? 0) + remaining.size);
  }

  /**
   * A delivery was not accepted here after all. Another queue may have accepted it, and this one may work on
   * it.
   */
  withdraw(id: string): void {
    this.#forgetFresh(id);
    this.#unwritten.delete(id);
    if (!this.#own.delete(id)) return;
    if (this.#held.has(id)) {
      this.#ownHeld--;
      this.#capacity.force(1);
    } else this.#free(1);
  }

  /**
   * Some deliveries that were accepted here and are in no batch of this queue. Each call continues where the
   * last one ended.
   */
  listElsewhere(limit: number): readonly string[] {
    const ids: string[] = [];
    for (const id of this.#own.keys()) {
      if (ids.length >= limit) break;
      if (!this.#held.has(id) && !this.#unwritten.has(id)) ids.push(id);
    }
    for (const id of ids) {
      const task = this.#own.get(id);
      this.#own.delete(id);
      if (task !== undefined) this.#own.set(id, task);
    }
    return ids;
  }

  /** Whether some deliveries were accepted here and are in no batch of this queue. */
  get hasElsewhere(): boolean {
    return this.#ownHeld < this.#own.size;
  }

  /** All that were accepted here and are not settled. */
  listOwn(): readonly DeliveryTask[] {
    return [...this.#own.values()];
  }

  isOwn(id: string): boolean {
    return this.#own.has(id);
  }

  /** The delivery after the last attempt, if it was accepted here. */
  earlier(id: string): DeliveryTask | undefined {
    return this.#own.get(id);
  }

  /** Takes deliveries of a batch. */
  hold(ids: readonly string[], token: string): void {
    for (const id of ids) {
      this.#forgetFresh(id);
      if (!this.#held.has(id)) {
        if (this.#own.has(id)) this.#ownHeld++;
        else this.#capacity.force(1);
      }
      this.#held.set(id, token);
    }
  }

  /** A delivery of a batch goes back to the journal, which may already have given it to another batch. */
  letGo(id: string, token: string, task?: DeliveryTask): void {
    if (task !== undefined && this.#own.has(id)) this.#own.set(id, task);
    if (this.#held.get(id) !== token) return;
    this.#held.delete(id);
    if (this.#own.has(id)) this.#ownHeld--;
    else this.#free(1);
  }

  /** The outcome of a delivery is known. */
  settle(id: string): void {
    this.#forgetFresh(id);
    this.#unwritten.delete(id);
    const isHeld = this.#held.delete(id);
    const isOwn = this.#own.delete(id);
    if (isHeld && isOwn) this.#ownHeld--;
    if (isHeld || isOwn) this.#free(1);
  }

  /** What was taken, or was not accepted after all, no longer counts for the next batch. */
  #forgetFresh(id: string): void {
    const task = this.#own.get(id);
    if (!this.#fresh.delete(id) || task === undefined) return;
    const left = (this.#freshPaths.get(task.cacheId) ?? 0) - task.request.storePaths.length;
    if (left > 0) this.#freshPaths.set(task.cacheId, left);
    else this.#freshPaths.delete(task.cacheId);
  }

  /** Calls back once at the next change of their number. Returns a function that cancels it. */
  onChange(callback: () => void): () => void {
    const entry = (): void => callback();
    this.#whenChanged.add(entry);
    return () => void this.#whenChanged.delete(entry);
  }

  #free(count: number): void {
    this.#capacity.release(count);
    const waiting = [...this.#whenChanged];
    this.#whenChanged.clear();
    for (const callback of waiting) callback();
  }
}
