import { untilItFails } from "../core/call-listener.ts";
import type { OutputChunk } from "../execution/executor.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import type { PushContext } from "./push-context.ts";

/** The listeners of a push to one cache. */
export interface PushListeners {
  readonly onOutput: (chunk: OutputChunk) => void;
  readonly onProgress: (progress: CommandProgress) => void;
}

/** The host's callbacks for one cache. One that throws is not called again. */
export function toPushListeners(
  cacheId: string,
  { onOutput, onProgress, runtime }: PushContext,
): PushListeners {
  const warnOf = (name: string) => () =>
    runtime.warn(`The ${name} callback failed; it is not called again for ${cacheId}`);
  return {
    onOutput: untilItFails((chunk) => onOutput?.({ ...chunk, cacheId }), warnOf("onOutput")),
    onProgress: untilItFails((progress) => onProgress?.({ ...progress, cacheId }), warnOf("onProgress")),
  };
}
