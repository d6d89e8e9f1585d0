import { createProcessExecutor } from "@eka-ci/caches";
import type { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { buildClosureCommand, type Closure, parseClosure } from "../../src/commands/closure.ts";
import { runForAnswer } from "../../src/execution/run-for-answer.ts";
import { createNodeRuntime } from "../../src/host/runtime.ts";

/** Asks a private store for the closure of some paths. */
export async function askClosure(store: PrivateNixStore, storePaths: readonly string[]): Promise<Closure> {
  const storeDirectory = store.env["NIX_STORE_DIR"];
  const { answer, error } = await runForAnswer(
    buildClosureCommand(storePaths, { storeDirectory, namesFormat: false }),
    {
      executor: createProcessExecutor({ runtime: { env: store.env } }),
      ...{ clock: createNodeRuntime().clock, hostSecrets: [], signal: undefined },
      ...{ remainingMs: 60_000, timeoutMs: 60_000 },
    },
  );
  const closure = error === undefined ? parseClosure(answer) : undefined;
  if (closure === undefined) throw error ?? new Error("The store tells no closure");
  return closure;
}
