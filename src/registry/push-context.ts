import type { AuditLog } from "../audit/audit-log.ts";
import type { HostSetup } from "../commands/host-setup.ts";
import type { CredentialResolver } from "../credentials/resolver.ts";
import type { Executor } from "../execution/executor.ts";
import type { RunCommandOptions } from "../execution/run-command.ts";
import type { Deadline } from "../host/deadline.ts";
import type { Runtime } from "../host/runtime.ts";
import type { CacheCatalog } from "./cache-catalog.ts";
import type { NixMemory } from "./nix-memory.ts";
import type { Presences } from "./presences.ts";
import type { PushOptions } from "./push-types.ts";

/** What everything that is done for one push works with. */
export interface PushContext {
  readonly catalog: CacheCatalog;
  readonly audit: AuditLog;
  readonly executor: Executor;
  readonly resolver: CredentialResolver;
  readonly runtime: Runtime;
  readonly host: HostSetup;
  readonly nix: NixMemory;
  readonly presences: Presences;
  /** Texts of the host's environment that must not be shown. */
  readonly hostSecrets: readonly string[];
  /** By when everything has to end. */
  readonly deadline: Deadline;
  /** How long that was from the beginning, in milliseconds. */
  readonly timeoutMs: number;
  readonly onOutput: PushOptions["onOutput"];
  readonly onProgress: PushOptions["onProgress"];
  readonly findConfirmed: PushOptions["findConfirmed"];
  readonly stallTimeoutMs: number | undefined;
  /** Most bytes of NARs that are staged together, of caches that say nothing of it. */
  readonly stagingBytes: number | undefined;
  /** Whether a cache is asked for the paths after the tool said that they are there. */
  readonly verifies: boolean;
}

/** How a command of a push is run, in the time that is left. */
export function toRunOptions(context: PushContext): RunCommandOptions {
  const { executor, runtime, hostSecrets, timeoutMs, deadline } = context;
  const { remainingMs, hostSignal: signal } = deadline;
  return { executor, clock: runtime.clock, hostSecrets, timeoutMs, remainingMs, signal };
}
