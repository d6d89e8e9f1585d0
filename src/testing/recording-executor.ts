import { setImmediate } from "node:timers/promises";
import type { CommandSpec } from "../commands/command.ts";
import type { ExecuteOptions, ExecutionResult, Executor } from "../execution/executor.ts";

/**
 * An executor that runs nothing and records its commands.
 *
 * @public
 */
export interface RecordingExecutor extends Executor {
  /** The commands, in order. Secrets are wrapped as the builder wrapped them. */
  readonly commands: readonly CommandSpec[];
}

/**
 * The result of a scripted command; omitted members are those of a success without output.
 *
 * @public
 */
export type ScriptedResult = Partial<ExecutionResult>;

/**
 * Options of {@link createRecordingExecutor}.
 *
 * @example
 * ```ts
 * const options: RecordingExecutorOptions = { respond: ({ file }) => (file === "cachix" ? { exitCode: 1, stderr: "401" } : undefined) };
 * ```
 *
 * @public
 */
export interface RecordingExecutorOptions {
  /**
   * Returns how a command ends; the executor rejects with a returned error. By default, or if it returns
   * nothing, commands succeed: all store paths are valid and have no references, and a cache has everything
   * it is asked for.
   */
  readonly respond?:
    | ((command: CommandSpec, options: ExecuteOptions) => ScriptedResult | Error | undefined)
    | undefined;
}

/**
 * Creates an executor for tests of a host's own code.
 *
 * @param options - how commands end
 *
 * @example
 * ```ts
 * const executor = createRecordingExecutor();
 * const registry = CacheRegistry.fromToml(toml, { executor });
 * await registry.push(request);
 * executor.commands.map((command) => command.file); // ["nix-store", "cachix"]
 * ```
 *
 * @public
 */
export function createRecordingExecutor(options: RecordingExecutorOptions = {}): RecordingExecutor {
  const commands: CommandSpec[] = [];
  return {
    commands,
    execute: async (command, executeOptions = {}) => {
      commands.push(command);
      await setImmediate();
      if (executeOptions.signal?.aborted === true) return toResult({ outcome: "aborted", exitCode: null });
      const response = options.respond?.(command, executeOptions) ?? answerByDefault(command);
      if (response instanceof Error) throw response;
      const result = toResult(response);
      for (const stream of ["stdout", "stderr"] as const) {
        if (result[stream] !== "") executeOptions.onOutput?.({ stream, text: result[stream] });
      }
      return result;
    },
  };
}

/** Success; a query which paths a cache has returns all of them, without references. */
function answerByDefault({ args }: CommandSpec): ScriptedResult {
  if (!args.includes("path-info")) return {};
  const storePaths = args.slice(args.indexOf("--") + 1);
  const info = args.includes("--recursive") ? { narSize: 1, references: [] } : {};
  return { stdout: JSON.stringify(Object.fromEntries(storePaths.map((path) => [String(path), info]))) };
}

function toResult(scripted: ScriptedResult): ExecutionResult {
  const outcome = scripted.outcome ?? ((scripted.exitCode ?? 0) === 0 ? "succeeded" : "failed");
  return {
    exitCode: outcome === "succeeded" ? 0 : outcome === "failed" ? 1 : null,
    signal: null,
    durationMs: 0,
    stdout: "",
    stderr: "",
    truncated: false,
    ...scripted,
    outcome,
  };
}
