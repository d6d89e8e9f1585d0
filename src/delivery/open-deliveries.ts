import { Capacity } from "./capacity.ts";
import type { DeliveryTask } from "./delivery-task.ts";

/**
 * The deliveries that a queue knows of and that are not settled: those that it has accepted, until their
 * outcome is known, and those of others while it holds them.
 */
export class OpenDeliveries {
  readonly #limit: number;
  readonly #capacity: Capacity;
  /** Accepted here, as they were after the last attempt. */
  readonly #own = new Map<string, DeliveryTask>();
  /** The tokens of the batches that hold them. */
  readonly #held = new Map<string, string>();
  /** How many of those a batch of this queue holds. */
  #ownHeld = 0;
  /** Accepted here, and on its way into the journal. */
  readonly #unwritten = new Set<string>();
  /** Accepted here, and in no batch yet. */
  readonly #fresh = new Set<string>();
  /** How many paths of each cache those have. */
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

  /** How many more may be taken from the journal. What was accepted here has its room already. */
  room(): number {
    return Math.max(0, this.#limit - this.size) + this.#own.size - this.#ownHeld;
  }

  /** Whether so many paths wait for one cache that nothing is gained by waiting for more. */
  isBatchFull(paths: number): boolean {
    for (const count of this.#freshPaths.values()) if (count >= paths) return true;
    return false;
  }

  /** Makes room for some that are about to be accepted; waits while there is none. */
  reserve(count: number): Promise<void> {
    return this.#capacity.take(count);
  }

  /** Gives room back that was made for nothing. */
  giveBack(count: number): void {
    this.#free(count);
  }

  /** Accepts a delivery for which room was made. */
  accept(task: DeliveryTask): void {
    this.#own.set(task.id, task);
    this.#unwritten.add(task.id);
    if (!this.#held.has(task.id)) return;
    // An earlier process accepted it, and this one works on it: it has its room already.
    this.#ownHeld++;
    this.#free(1);
  }

  /**
   * A delivery that was accepted here is journalled, so that it may be taken; one that is not fresh was so
   * before.
   */
  journalled({ id, cacheId, remaining }: DeliveryTask, isFresh: boolean): void {
    this.#unwritten.delete(id);
    if (!isFresh || !this.#own.has(id) || this.#held.has(id)) return;
    this.#fresh.add(id);
    this.#freshPaths.set(cacheId, (this.#freshPaths.get(cacheId) ?? 0) + remaining.size);
  }

  /**
   * A delivery that was to be accepted here is not, after all; another queue may have accepted it, and this
   * one work on it.
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
   * Some that were accepted here and are held by no batch of this queue; each call begins where the last one
   * has ended.
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

  /** Whether some were accepted here that are held by no batch of this queue. */
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

  /** A delivery of a batch goes back to the journal, which may have given it to another batch already. */
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

  /** What was taken, here or by others, or was not accepted after all, no longer fills the next batch. */
  #forgetFresh(id: string): void {
    const task = this.#own.get(id);
    if (!this.#fresh.delete(id) || task === undefined) return;
    const left = (this.#freshPaths.get(task.cacheId) ?? 0) - task.request.storePaths.length;
    if (left > 0) this.#freshPaths.set(task.cacheId, left);
    else this.#freshPaths.delete(task.cacheId);
  }

  /** Calls back once at the next change of their number; returns the function that calls it off. */
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
