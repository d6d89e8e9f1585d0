import { homedir } from "node:os";
import type { FileSystem } from "./file-system.ts";
import type { HttpClient } from "./http-client.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import { nodeHttpClient } from "./node-http-client.ts";

/**
 * The ports to the world. Everything that this package reads from its host goes through one of these, so that
 * tests and unusual hosts can replace it.
 *
 * @public
 */
export interface Runtime {
  /** Environment variables of the host. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files of the host. */
  readonly files: FileSystem;
  /** HTTP of the host, for credential sources. */
  readonly http: HttpClient;
  /** Time of the host. */
  readonly clock: Clock;
  /** Randomness of the host. */
  readonly random: Random;
  /** The account the host runs as. */
  readonly user: HostUser;
  /** Absolute path of the host's current working directory. */
  readonly workingDirectory: () => string;
  /** Receives warnings: one line each, without secrets. */
  readonly warn: (message: string) => void;
}

/**
 * Time, for dates, durations and deadlines.
 *
 * @example
 * ```ts
 * const { clock } = createNodeRuntime();
 * const cancel = clock.schedule(() => log("a second later"), 1_000);
 * ```
 *
 * @public
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  now(): number;
  /**
   * Milliseconds since a point that is the same for all processes of the machine, such as its start. It never
   * goes back.
   */
  monotonic(): number;
  /** Calls back once after a delay in milliseconds. Returns a function that cancels it. */
  schedule(callback: () => void, delayMs: number): () => void;
}

/**
 * Randomness.
 *
 * @example
 * ```ts
 * const fixed: Random = { uuid: () => "00000000-0000-4000-8000-000000000000", fraction: () => 0.5 };
 * ```
 *
 * @public
 */
export interface Random {
  /** A fresh UUID. */
  uuid(): string;
  /** A number from 0 to below 1. */
  fraction(): number;
}

/**
 * The account the host runs as.
 *
 * @public
 */
export interface HostUser {
  /** Numeric user id; undefined if the system has none. */
  readonly uid: number | undefined;
  /** Absolute path of the home directory. */
  readonly homeDirectory: string;
}

/** Longest delay of a Node.js timer; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

const nodeClock: Clock = {
  now: () => Date.now(),
  // CLOCK_MONOTONIC, because `performance.now()` starts at 0 in every process, and journals compare times of
  // several processes.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  schedule: (callback, delayMs) => {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/**
 * The ports of Node.js, with some of them replaced.
 *
 * @param overrides - ports to use instead of Node's own
 *
 * @example
 * ```ts
 * const runtime = createNodeRuntime({ env: { CACHIX_AUTH_TOKEN: "…" } });
 * ```
 *
 * @public
 */
export function createNodeRuntime(overrides: Partial<Runtime> = {}): Runtime {
  return {
    env: process.env,
    files: nodeFileSystem,
    http: nodeHttpClient,
    clock: nodeClock,
    random: { uuid: () => crypto.randomUUID(), fraction: () => Math.random() },
    user: { uid: process.getuid?.(), homeDirectory: process.env["HOME"] || homedir() },
    workingDirectory: () => process.cwd(),
    warn: (message) => process.emitWarning(message, { type: "CachesWarning" }),
    ...overrides,
  };
}

/**
 * An environment that masks every variable of the host process, for libraries that merge `process.env` into
 * what they are given. Use it in the same tick.
 *
 * @param env - the variables that remain
 */
export function maskHostEnvironment(
  env: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const names = Object.keys(process.env);
  // Node.js also passes inherited names to a child, such as those of a polluted Object.prototype.
  for (const name in {}) names.push(name);
  return { ...Object.fromEntries(names.map((name) => [name, undefined])), ...env };
}
