import type { Clock } from "../../host/runtime.ts";
import { type Database, type Statement, toRow } from "./sqlite-module.ts";

/**
 * The journal's own clock, in milliseconds. It follows the machine's monotonic clock, which all its processes
 * share. Changing a wall clock therefore ends no lease or deadline. After a restart of the machine it
 * continues where it stopped.
 */
export class JournalClock {
  readonly #clock: Clock;
  readonly #read: Statement;
  readonly #write: Statement;

  constructor(database: Database, clock: Clock) {
    this.#clock = clock;
    this.#read = database.prepare("SELECT base, last FROM clock");
    this.#write = database.prepare("UPDATE clock SET base = ?, last = ?");
  }

  /** The time. */
  now(): number {
    return this.#now().now;
  }

  /** The time, stored as the last one seen; within a writing transaction. */
  advance(): number {
    const { base, now } = this.#now();
    this.#write.run(base, now);
    return now;
  }

  #now(): { readonly base: number; readonly now: number } {
    const { base, last } = toRow(this.#read.get());
    const monotonic = this.#clock.monotonic();
    const now = Number(base) + monotonic;
    return now >= Number(last)
      ? { base: Number(base), now }
      : { base: Number(last) - monotonic, now: Number(last) };
  }
}
