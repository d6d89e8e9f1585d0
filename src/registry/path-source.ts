import type { SigningKey } from "../binary-cache/path-signature.ts";
import type { Closure } from "../commands/closure.ts";
import type { Stage } from "../upload/stage.ts";
import type { StagingParents } from "../upload/staging-directories.ts";

/** How paths are written into files. */
export interface OpenStageOptions {
  readonly parents: StagingParents;
  /** Signs every path. */
  readonly signingKey: SigningKey | undefined;
  readonly signal: AbortSignal;
  /** Called when data arrived or was sent. */
  readonly onMove: (() => void) | undefined;
}

/** The source of the paths of a push: the host's store, or another cache. */
export interface PathSource {
  /** Checks that it has every path. */
  check(): Promise<void>;
  /** The closure of the paths. */
  closure(): Promise<Closure>;
  /** The paths of the closure that it lacks; known once the closure is. */
  readonly absent: ReadonlySet<string>;
  /** The same for some of the paths. */
  narrowed(storePaths: readonly string[]): PathSource;
  /** Opens what writes paths into files. If absent, Nix writes them, and may push instead of this process. */
  readonly openStage?: ((options: OpenStageOptions) => Promise<Stage>) | undefined;
}
