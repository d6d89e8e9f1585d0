import type { ExecutionResult } from "../execution/executor.ts";
import type { SharedEnd } from "./push-participant.ts";
import type { UploadWay } from "./push-types.ts";

/** The state of a push to one cache. Its end is reported to all its requests. */
export class PushTally {
  readonly executions: ExecutionResult[] = [];
  /** The paths that are there, as the cache says or the host knows. */
  readonly present = new Set<string>();
  /** The paths for which nothing is left to do. */
  readonly confirmed = new Set<string>();
  /** The paths that the cache leaves to an upstream. */
  readonly upstream = new Set<string>();
  /** The paths that the host knows to be there. */
  readonly known = new Set<string>();
  upload: UploadWay | undefined;
  /** Name of the key that what is uploaded is signed with. */
  signedBy: string | undefined;

  /** Whether a path is there, and nothing is left to do for it. */
  isThere(path: string): boolean {
    return this.confirmed.has(path) && !this.upstream.has(path);
  }

  /** Adds paths to some of the sets. */
  add(paths: Iterable<string>, ...sets: readonly PathSet[]): void {
    for (const path of paths) for (const set of sets) this[set].add(path);
  }

  /** The final outcome. */
  toEnd(): Pick<SharedEnd, PathSet | "executions" | "upload" | "signedBy"> {
    const { executions, present, confirmed, upstream, known, upload, signedBy } = this;
    return { executions, present, confirmed, upstream, known, upload, signedBy };
  }
}

type PathSet = "present" | "confirmed" | "upstream" | "known";
