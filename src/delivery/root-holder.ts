import { settleAll } from "../core/settle-all.ts";
import type { Runtime } from "../host/runtime.ts";
import { isCachesError } from "../registry/any-error.ts";
import type { GcRoots } from "./gc-roots.ts";

/** A delivery whose paths are kept. */
export interface Rooted {
  readonly id: string;
  readonly request: { readonly storePaths: readonly string[]; readonly from: string | undefined };
}

/** Keeps the paths of each delivery from the garbage collector while it waits, by roots of its own. */
export class RootHolder {
  readonly #roots: GcRoots | undefined;
  readonly #runtime: Runtime;

  constructor(roots: GcRoots | undefined, runtime: Runtime) {
    this.#roots = roots;
    this.#runtime = runtime;
  }

  /** Holds the paths of deliveries, all or none. */
  async hold(deliveries: readonly Rooted[]): Promise<void> {
    // Only when all have ended is there nothing left that a release could miss.
    await settleAll(
      deliveries.map(async ({ id, request: { storePaths, from } }) => {
        // What is promoted lies in another cache.
        if (from === undefined) await this.#roots?.hold(toHolder(id), storePaths);
      }),
    );
  }

  /** Holds the paths of a delivery from before; where that fails, the push will say what is missing. */
  async tryHold(delivery: Rooted): Promise<void> {
    await this.hold([delivery]).catch((error: unknown) => {
      this.#runtime.warn(`The paths of a delivery are not kept: ${describe(error)}`);
    });
  }

  /** Lets go of the paths of deliveries. */
  async release(ids: readonly string[]): Promise<void> {
    const roots = this.#roots;
    if (roots === undefined) return;
    await Promise.all(
      ids.map(async (id) => {
        try {
          await roots.release(toHolder(id));
        } catch (error) {
          this.#runtime.warn(`Garbage collector roots were not removed: ${describe(error)}`);
        }
      }),
    );
  }
}

/** A holder's name may be that of a file. No part of an id has a `+`. */
function toHolder(id: string): string {
  return id.replace("/", "+");
}

function describe(error: unknown): string {
  return isCachesError(error) ? error.message : "an unexpected error";
}
