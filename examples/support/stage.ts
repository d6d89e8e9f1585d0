import type { CacheRegistryOptions } from "@eka-ci/caches";
import { createRecordingExecutor } from "@eka-ci/caches/testing";
import { PrivateNixStore } from "./private-nix-store.ts";

/**
 * Store paths to push, and what a registry needs to push them: really if Nix is installed, else with the
 * recording executor.
 */
export interface Stage extends AsyncDisposable {
  readonly storePaths: readonly string[];
  readonly options: CacheRegistryOptions;
  /** Whether paths are really uploaded. */
  readonly isReal: boolean;
}

/** Sets up the stage, and prints which it is. */
export async function openStage(count: number, env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const version = await PrivateNixStore.findNix();
  if (version === undefined) {
    console.log("No nix is installed here, so nothing is really uploaded; the recording executor stands in.");
    return {
      storePaths: Array.from(
        { length: count },
        (_path, index) => `/nix/store/${String(index).padStart(32, "0")}-part`,
      ),
      options: { executor: createRecordingExecutor(), runtime: { env } },
      isReal: false,
      [Symbol.asyncDispose]: async () => {},
    };
  }
  console.log(`${version} is installed here, so these are real uploads.`);
  const store = await PrivateNixStore.create();
  return {
    storePaths: await store.addMany("part", count),
    options: { runtime: { env: { ...store.env, ...env } } },
    isReal: true,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
