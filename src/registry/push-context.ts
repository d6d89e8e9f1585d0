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

/** What all steps of one push share. */
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
  /** The deadline of the push. */
  readonly deadline: Deadline;
  /** The length of the deadline, in milliseconds. */
  readonly timeoutMs: number;
  readonly onOutput: PushOptions["onOutput"];
  readonly onProgress: PushOptions["onProgress"];
  readonly findConfirmed: PushOptions["findConfirmed"];
  readonly stallTimeoutMs: number | undefined;
  /** How many bytes of NARs are staged together, unless the cache sets it. */
  readonly stagingBytes: number | undefined;
  /** Whether a cache is asked for the paths after the tool reported success. */
  readonly verifies: boolean;
}

/** How a command of a push is run, within the remaining time. */
export function toRunOptions(context: PushContext): RunCommandOptions {
  const { executor, runtime, hostSecrets, timeoutMs, deadline } = context;
  const { remainingMs, hostSignal: signal } = deadline;
  return { executor, clock: runtime.clock, hostSecrets, timeoutMs, remainingMs, signal };
}
