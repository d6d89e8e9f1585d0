import type { SigningKey } from "../binary-cache/path-signature.ts";
import type { Closure } from "../commands/closure.ts";
import type { Stage } from "../upload/stage.ts";
import type { StagingParents } from "../upload/staging-directories.ts";

/** How paths are brought into files. */
export interface OpenStageOptions {
  readonly parents: StagingParents;
  /** Signs every path. */
  readonly signingKey: SigningKey | undefined;
  readonly signal: AbortSignal;
  /** Told that something came or went. */
  readonly onMove: (() => void) | undefined;
}

/** What holds the paths of a push. */
export interface PathSource {
  /** Makes sure that it holds every path. */
  check(): Promise<void>;
  /** The closure of the paths. */
  closure(): Promise<Closure>;
  /** Those of the closure that it lacks, so that nothing is known of them; known once the closure is. */
  readonly absent: ReadonlySet<string>;
  /** The same for some of the paths. */
  narrowed(storePaths: readonly string[]): PathSource;
  /** Opens what brings paths into files; absent: nix writes them, and may push in place of this process. */
  readonly openStage?: ((options: OpenStageOptions) => Promise<Stage>) | undefined;
}
