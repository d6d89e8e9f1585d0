import { settleAll } from "../core/settle-all.ts";
import type { Runtime } from "../host/runtime.ts";
import { isCachesError } from "../registry/any-error.ts";
import type { GcRoots } from "./gc-roots.ts";

/** A delivery whose paths are protected. */
export interface Rooted {
  readonly id: string;
  readonly request: { readonly storePaths: readonly string[]; readonly from: string | undefined };
}

/** Protects the paths of each waiting delivery from the garbage collector, by roots of its own. */
export class RootHolder {
  readonly #roots: GcRoots | undefined;
  readonly #runtime: Runtime;

  constructor(roots: GcRoots | undefined, runtime: Runtime) {
    this.#roots = roots;
    this.#runtime = runtime;
  }

  /** Holds the paths of deliveries, all or none. */
  async hold(deliveries: readonly Rooted[]): Promise<void> {
    // Only after all have ended can a release not miss any.
    await settleAll(
      deliveries.map(async ({ id, request: { storePaths, from } }) => {
        // Promoted paths are in another cache, not in the store.
        if (from === undefined) await this.#roots?.hold(toHolder(id), storePaths);
      }),
    );
  }

  /** Protects the paths of an earlier delivery. If that fails, the push will report what is missing. */
  async tryHold(delivery: Rooted): Promise<void> {
    await this.hold([delivery]).catch((error: unknown) => {
      this.#runtime.warn(`The paths of a delivery are not protected: ${describe(error)}`);
    });
  }

  /** Releases the paths of deliveries. */
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

/** A holder's name may be a file name. No part of an id contains `+`. */
function toHolder(id: string): string {
  return id.replace("/", "+");
}

function describe(error: unknown): string {
  return isCachesError(error) ? error.message : "an unexpected error";
}
