import { CacheRegistry, type PushOptions, type PushReport, type PushResult } from "../index.ts";
import type { CliContext } from "./cli-context.ts";
import type { CommonFlags } from "./common-flags.ts";
import { createPushProgressView } from "./create-push-progress-view.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Output, show } from "./output.ts";
import { toExitCode } from "./run-command.ts";

/** What is pushed, and how. */
export interface ReportedPush {
  /** The caches that are pushed to. */
  readonly caches: readonly string[];
  readonly start: (registry: CacheRegistry, options: PushOptions) => Promise<PushReport>;
}

/** Pushes until that ends or a signal aborts it, shows progress, and prints the result. */
export async function reportPush(
  context: CliContext,
  output: Output,
  flags: CommonFlags,
  { caches, start }: ReportedPush,
): Promise<ExitCode> {
  await using registry = await CacheRegistry.load(flags.config);
  const abort = new AbortController();
  let ended: ExitCode | undefined;
  const endBy = (signal: NodeJS.Signals, code: ExitCode) =>
    context.onSignal(signal, () => {
      ended ??= code;
      abort.abort();
    });
  const stops = [endBy("SIGINT", EXIT.interrupted), endBy("SIGTERM", EXIT.terminated)];
  const view = await createPushProgressView(context, output, caches);
  try {
    const report = await start(registry, {
      signal: abort.signal,
      onProgress: (progress) => view.update(progress),
    }).finally(() => view.stop());
    if (flags.json) output.json(report);
    else for (const result of report.results) printResult(output, result);
    return report.ok ? EXIT.ok : (ended ?? toExit(report));
  } finally {
    for (const stop of stops) stop();
  }
}

function printResult(output: Output, result: PushResult): void {
  const id = show(result.cacheId);
  switch (result.status) {
    case "pushed":
    case "upstream":
    case "skipped":
      output.print(
        `${output.style("green", result.status)}  ${id}: ${result.confirmedPaths.length} ${result.confirmedPaths.length === 1 ? "path" : "paths"}`,
      );
      for (const { path, reason } of result.skippedPaths)
        output.print(`  left out  ${show(path)}: ${reason}`);
      break;
    case "denied":
      output.print(`${output.style("red", "denied")}  ${id}: ${show(result.decision.message)}`);
      break;
    case "aborted":
      output.print(`${output.style("yellow", "aborted")}  ${id}`);
      break;
    case "failed":
      output.print(
        `${result.isTolerated === true ? output.style("yellow", "failed, tolerated") : output.style("red", "failed")}  ${id}: ${result.error.code}: ${show(result.error.message)}`,
      );
      break;
  }
}

function toExit({ ok, results }: PushReport): ExitCode {
  if (ok) return EXIT.ok;
  const errors = results.flatMap((result) =>
    result.status === "failed" && result.isTolerated !== true ? [result.error] : [],
  );
  if (errors.some((error) => toExitCode(error) !== EXIT.away)) return EXIT.failed;
  if (errors.length > 0) return EXIT.away;
  return results.some(({ status }) => status === "denied") ? EXIT.denied : EXIT.failed;
}
