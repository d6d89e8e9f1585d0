import type { Runtime } from "../host/runtime.ts";
import { toPushFailure } from "../registry/outcome.ts";
import type { GcRoots } from "./gc-roots.ts";
import type { Delivery } from "./push-journal.ts";

/** Keeps the paths of each delivery from the garbage collector while it waits, by roots of its own. */
export class RootHolder {
  readonly #roots: GcRoots | undefined;
  readonly #runtime: Runtime;

  constructor(roots: GcRoots | undefined, runtime: Runtime) {
    this.#roots = roots;
    this.#runtime = runtime;
  }

  /** Holds the paths of deliveries, all or none. */
  async hold(deliveries: readonly Delivery[]): Promise<void> {
    const holds = await Promise.allSettled(
      deliveries.map(async ({ id, request }) => this.#roots?.hold(id, request.storePaths)),
    );
    // Only when all have ended is there nothing left that a release could miss.
    for (const hold of holds) if (hold.status === "rejected") throw hold.reason;
  }

  /** Holds the paths of a delivery from before; where that fails, the push will say what is missing. */
  async tryHold(delivery: Delivery): Promise<void> {
    await this.hold([delivery]).catch((error: unknown) => {
      this.#runtime.warn(`The paths of a delivery are not kept: ${toPushFailure(error).message}`);
    });
  }

  /** Lets go of the paths of deliveries. */
  async release(deliveries: readonly Delivery[]): Promise<void> {
    await Promise.all(
      deliveries.map(async ({ id }) => {
        try {
          await this.#roots?.release(id);
        } catch (error) {
          this.#runtime.warn(`Garbage collector roots were not removed: ${toPushFailure(error).message}`);
        }
      }),
    );
  }
}
