import type { Narinfo } from "../binary-cache/narinfo.ts";
import type { Registration } from "../commands/closure.ts";
import type { ExecutionResult } from "../execution/executor.ts";

/** A staged path. */
export interface StagedPath {
  readonly path: string;
  /** Its narinfo, byte for byte. */
  readonly narinfo: Uint8Array;
  readonly parsed: Narinfo;
  /** The file with its NAR. */
  readonly nar: { readonly path: string; readonly size: number };
  /** The file with the listing of its NAR, if Nix was told to write one. */
  readonly listing?: { readonly path: string; readonly size: number } | undefined;
}

/** Paths that are staged together. */
export interface Share extends AsyncDisposable {
  readonly paths: readonly StagedPath[];
  /** The first file of a new cache, as Nix writes it. */
  readonly cacheInfo: Uint8Array;
}

/** Writes paths into files, from which they are sent. */
export interface Stage extends AsyncDisposable {
  /** The results of the commands. */
  readonly executions: readonly ExecutionResult[];
  /**
   * Stages some paths; their references need not be there.
   *
   * @throws {@link StagingError} if that is not possible here, and Nix may still push by itself; the error of
   * the push
   */
  stage(registrations: readonly Registration[]): Promise<Share>;
}
