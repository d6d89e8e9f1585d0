import type { Narinfo } from "../binary-cache/narinfo.ts";
import type { Registration } from "../commands/closure.ts";
import type { ExecutionResult } from "../execution/executor.ts";

/** A path as it lies in files. */
export interface StagedPath {
  readonly path: string;
  /** Its narinfo, byte for byte. */
  readonly narinfo: Uint8Array;
  readonly parsed: Narinfo;
  /** The file with its NAR. */
  readonly nar: { readonly path: string; readonly size: number };
  /** The file with the listing of its NAR, where nix was told to write one. */
  readonly listing?: { readonly path: string; readonly size: number } | undefined;
}

/** Paths that are staged together. */
export interface Share extends AsyncDisposable {
  readonly paths: readonly StagedPath[];
  /** What nix writes into a new cache's first file. */
  readonly cacheInfo: Uint8Array;
}

/** Brings paths into files, from which they are sent. */
export interface Stage extends AsyncDisposable {
  /** How the commands ended that took part. */
  readonly executions: readonly ExecutionResult[];
  /**
   * Stages some paths; what they refer to need not be there.
   *
   * @throws {@link StagingError} where that cannot be done here, and nix may still push by itself; the error
   * of the push
   */
  stage(registrations: readonly Registration[]): Promise<Share>;
}
