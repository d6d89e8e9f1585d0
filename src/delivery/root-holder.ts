import { toPushFailure } from "../registry/outcome.ts";
import type { Runtime } from "../runtime.ts";
import type { GcRoots } from "./gc-roots.ts";
import type { Delivery } from "./push-journal.ts";

/** Holds the paths of each ticket while one of its deliveries waits here. */
export class RootHolder {
  readonly #roots: GcRoots | undefined;
  readonly #runtime: Runtime;
  readonly #counts = new Map<string, number>();

  constructor(roots: GcRoots | undefined, runtime: Runtime) {
    this.#roots = roots;
    this.#runtime = runtime;
  }

  /** Holds the paths of deliveries that belong to one ticket. */
  async hold(deliveries: readonly Delivery[]): Promise<void> {
    const [first] = deliveries;
    if (first === undefined) return;
    for (const { ticketId } of deliveries) this.#counts.set(ticketId, (this.#counts.get(ticketId) ?? 0) + 1);
    await this.#roots?.hold(first.ticketId, first.request.storePaths);
  }

  /** Holds the paths of deliveries from before; where that fails, the push will say what is missing. */
  async tryHold(deliveries: readonly Delivery[]): Promise<void> {
    for (const delivery of deliveries) {
      await this.hold([delivery]).catch((error: unknown) => {
        this.#runtime.warn(`The paths of a delivery are not kept: ${toPushFailure(error).message}`);
      });
    }
  }

  /**
   * Lets go of deliveries.
   *
   * @param isDone - whether their paths need no holding any more, once all of a ticket are
   */
  async release(deliveries: readonly Delivery[], isDone: boolean): Promise<void> {
    for (const { ticketId } of deliveries) {
      const count = (this.#counts.get(ticketId) ?? 1) - 1;
      this.#counts.set(ticketId, count);
      if (count > 0) continue;
      this.#counts.delete(ticketId);
      if (!isDone) continue;
      await this.#roots?.release(ticketId).catch((error: unknown) => {
        this.#runtime.warn(`Garbage collector roots were not removed: ${toPushFailure(error).message}`);
      });
    }
  }
}
