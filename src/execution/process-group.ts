import type { ChildProcess } from "node:child_process";
import type { Clock } from "../host/runtime.ts";
import type { ExecutionOutcome } from "./executor.ts";

/** How long a child may take to end after SIGTERM, in milliseconds. */
const GRACE_MS = 5_000;
/** How long to wait for output after the end, in milliseconds. */
const DRAIN_MS = 250;
/** How long a killed child may take to disappear, in milliseconds. */
const KILL_MS = 750;

/** How a child ended. */
export interface ChildEnd {
  readonly outcome: ExecutionOutcome;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** Limits of {@link superviseChild}. */
export interface SuperviseOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for a child that leads its own process group, and settles in bounded time whatever it does.
 *
 * On timeout or abort the group gets SIGTERM, even if it is stopped, and SIGKILL after 5 s. After the child
 * has ended, the rest of its group is killed, so that a grandchild cannot hold the pipes. Remaining output is
 * waited for briefly. Only a process that leaves the group (`setsid`) escapes; it cannot delay the end.
 */
export function superviseChild(child: ChildProcess, options: SuperviseOptions): Promise<ChildEnd> {
  return new Promise((resolve) => new GroupSupervisor(child, options, resolve).start());
}

class GroupSupervisor {
  readonly #child: ChildProcess;
  readonly #options: SuperviseOptions;
  readonly #resolve: (end: ChildEnd) => void;
  readonly #onAbort = (): void => this.#terminate("aborted");
  #cancelTimer: () => void = () => {};
  #ended: "timed-out" | "aborted" | undefined;
  #exitCode: number | null = null;
  #signal: string | null = null;

  constructor(child: ChildProcess, options: SuperviseOptions, resolve: (end: ChildEnd) => void) {
    this.#child = child;
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    this.#child.once("exit", (code, signal) => this.#onExit(code, signal));
    this.#child.once("close", () => this.#settle());
    this.#schedule(() => this.#terminate("timed-out"), this.#options.timeoutMs);
    this.#options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (this.#options.signal?.aborted === true) this.#onAbort();
  }

  #terminate(reason: "timed-out" | "aborted"): void {
    if (this.#ended !== undefined || this.#hasExited()) return;
    this.#ended = reason;
    this.#signalGroup("SIGTERM");
    this.#signalGroup("SIGCONT");
    this.#schedule(() => this.#kill(), GRACE_MS);
  }

  #kill(): void {
    this.#signalGroup("SIGKILL");
    this.#schedule(() => this.#settle(), KILL_MS);
  }

  #onExit(code: number | null, signal: string | null): void {
    this.#exitCode = code;
    this.#signal = signal;
    this.#signalGroup("SIGKILL");
    this.#schedule(() => this.#settle(), DRAIN_MS);
  }

  #settle(): void {
    this.#cancelTimer();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    const outcome = this.#ended ?? (this.#exitCode === 0 ? "succeeded" : "failed");
    this.#resolve({ outcome, exitCode: this.#exitCode, signal: this.#signal });
  }

  #hasExited(): boolean {
    return this.#exitCode !== null || this.#signal !== null;
  }

  #schedule(callback: () => void, delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.schedule(callback, delayMs);
  }

  // No process left to signal (ESRCH; on macOS EPERM for a zombie) is the goal.
  #signalGroup(signal: "SIGTERM" | "SIGCONT" | "SIGKILL"): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM")))
        throw error;
    }
  }
}
