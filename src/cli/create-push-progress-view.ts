import { WriteStream } from "node:tty";
import type { CliContext } from "./cli-context.ts";
import { type Output, show } from "./output.ts";
import type { PushProgressView } from "./push-progress-view.ts";

/** Shows bars on a terminal, and one line a step elsewhere. */
export async function createPushProgressView(
  { streams: { stderr }, process: { env } }: CliContext,
  output: Output,
  cacheIds: readonly string[],
): Promise<PushProgressView> {
  const isPlain = env["TERM"] === "dumb" || (env["CI"] ?? "") !== "";
  if (!(stderr instanceof WriteStream) || isPlain) return createLines(output);
  const { createProgressBars } = await import("./progress-bars.ts");
  return createProgressBars(stderr, cacheIds);
}

function createLines(output: Output): PushProgressView {
  const expectedBy = new Map<string, number>();
  return {
    update: (progress) => {
      const { cacheId, type } = progress;
      if (type === "bytes") return;
      if (type !== "paths") {
        output.note(`${show(cacheId)}: ${type}`);
        return;
      }
      const { expected } = progress;
      if (expectedBy.get(cacheId) === expected) return;
      expectedBy.set(cacheId, expected);
      output.note(`${show(cacheId)}: ${expected} ${expected === 1 ? "path" : "paths"} to copy`);
    },
    stop: () => undefined,
  };
}
