import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import {
  CacheRegistry,
  type CommandSpec,
  type Delivery,
  type HttpClient,
  HttpError,
  type PushJournal,
  PushQueue,
  type PushQueueOptions,
  type PushRequest,
} from "@eka-ci/caches";
import {
  createFakeClock,
  createRecordingExecutor,
  createTestRuntime,
  type FakeClock,
  type ScriptedResult,
} from "@eka-ci/caches/testing";

import "./load-late-modules.ts";

/** Store paths with a number in their name. */
export const storePath = (index: number): string => `/nix/store/${String(index).padStart(32, "0")}-p${index}`;

/** What a push command to some cache does: succeeds where it returns nothing. */
export type Behaviour = (
  cacheName: string,
  storePaths: readonly string[],
) => ScriptedResult | Error | undefined;

/**
 * Cachix caches in memory behind a scripted executor: what a successful command pushes is there when the
 * cache is asked.
 */
export class FakeCaches {
  readonly objects = new Map<string, Set<string>>();
  /** Push commands, as the cache and the paths. */
  readonly pushes: (readonly [cacheName: string, storePaths: readonly string[]])[] = [];
  behaviour: Behaviour;
  /** What a failed command has brought there all the same. */
  partial: (storePaths: readonly string[]) => readonly string[] = () => [];
  /** Paths that an upstream has: no command brings them anywhere. */
  readonly upstream = new Set<string>();
  /** Commands of these caches wait until the promise settles. */
  readonly gates = new Map<string, Promise<void>>();

  constructor(behaviour: Behaviour = () => undefined) {
    this.behaviour = behaviour;
  }

  /** What a cache has. */
  of(name: string): Set<string> {
    const known = this.objects.get(name) ?? new Set();
    this.objects.set(name, known);
    return known;
  }

  readonly respond = (command: CommandSpec): ScriptedResult | Error | undefined => {
    const args = command.args.map(String);
    const behind = args.slice(args.indexOf("--") + 1);
    if (command.file === "nix-store" || args.includes("--recursive")) return undefined;
    if (args.includes("path-info")) return this.#answer(args, behind);
    const [name = "", ...paths] = behind;
    this.pushes.push([name, paths]);
    const result = this.behaviour(name, paths);
    const failed = result instanceof Error || (result?.exitCode ?? 0) !== 0;
    const brought = failed ? this.partial(paths) : paths.filter((path) => !this.upstream.has(path));
    for (const path of brought) this.of(name).add(path);
    return result;
  };

  #answer(args: readonly string[], paths: readonly string[]): ScriptedResult {
    const [, name = ""] =
      /^https:\/\/(.*)\.cachix\.org$/u.exec(args[args.indexOf("--store") + 1] ?? "") ?? [];
    const signatures = [`upstream-1:${"x".repeat(86)}==`];
    const passedOn = { signatures, url: "nar/upstream" };
    const found = paths.map((path) => [
      path,
      this.upstream.has(path) ? passedOn : this.of(name).has(path) ? {} : null,
    ]);
    return { stdout: JSON.stringify(Object.fromEntries(found)) };
  }

  /** What these caches answer over HTTP: for what an upstream has, they send their readers there. */
  readonly http: HttpClient = {
    send: async ({ url }) => {
      const isPassedOn = [...this.upstream].some((path) => url.includes(path.split(/[/-]/u)[3] ?? path));
      if (!isPassedOn) throw new HttpError("ERR_HTTP_UNREACHABLE", "This host has no network");
      const headers = { location: "https://upstream.example/x.narinfo" };
      return { status: 302, headers, body: new Uint8Array() };
    },
  };
}

/** A queue over fake caches `a`, `b` and `c`, with a clock that stands still. */
export function setUpQueue(
  caches: FakeCaches,
  options: PushQueueOptions & { readonly env?: Record<string, string>; readonly clock?: FakeClock } = {},
) {
  const clock = options.clock ?? createFakeClock();
  const warnings: string[] = [];
  const env = options.env ?? { TOKEN: "token-canary-4f1d9c" };
  const tested = createTestRuntime({ env, clock, http: caches.http, warn: (text) => warnings.push(text) });
  // Queues that follow each other on one journal must not count from one again.
  const runtime = { ...tested, random: { ...tested.random, uuid: () => randomUUID() } };
  const recording = createRecordingExecutor({ respond: caches.respond });
  const executor: typeof recording = {
    ...recording,
    execute: async (command, executeOptions) => {
      const gate = caches.gates.get(String(command.args[2]));
      const result = await recording.execute(command, executeOptions);
      if (command.file === "cachix") await gate;
      return executeOptions?.signal?.aborted === true
        ? { ...result, outcome: "aborted", exitCode: null }
        : result;
    },
  };
  const registry = makeRegistry("allow_all = true", { executor, runtime });
  const queue = new PushQueue(options.journal === undefined ? registry : registry, { runtime, ...options });
  return { clock, warnings, runtime, executor, registry, queue, commands: recording.commands };
}

/** A registry of the caches `a`, `b` and `c`. */
export function makeRegistry(
  permissions: string,
  options: ConstructorParameters<typeof CacheRegistry>[1] = {},
): CacheRegistry {
  const toToml = (id: string): string => `
    [[caches]]
    id = "${id}"
    cache_type = "cachix"
    destination = "${id}"
    credentials = { cachix-token = { env_var = "TOKEN" } }
    upstream_keys = ["upstream-1"]
    permissions = { ${permissions} }`;
  return CacheRegistry.fromToml(["a", "b", "c"].map(toToml).join("\n"), options);
}

/** A request for some paths. */
export const requestFor = (caches: readonly string[], ...indexes: readonly number[]): PushRequest => ({
  repository: "o/r",
  ref: { type: "branch", name: "main" },
  job: "j",
  caches,
  storePaths: indexes.map(storePath),
});

/** Writes rows of a journal, also such as no queue would write. */
export const deliveryOf = (id: string, request: unknown, cacheId = "a"): Delivery => ({
  id: `${id}/${cacheId}`,
  ticketId: id,
  cacheId,
  storeId: "local",
  repository: "o/r",
  request: JSON.stringify(request),
});

/** A request as a queue writes it into its journal. */
export const storedRequest = (...indexes: readonly number[]): Record<string, unknown> => ({
  repository: "o/r",
  ref: { type: "branch", name: "main" },
  job: "j",
  caches: ["a", "b", "renamed"],
  storePaths: indexes.map(storePath),
  drvPath: null,
  commit: null,
});

/** A journal with some of its methods replaced. */
export const overrideJournal = (journal: PushJournal, methods: Partial<PushJournal>): PushJournal =>
  new Proxy(journal, {
    get(target, key: keyof PushJournal) {
      const member = methods[key] ?? target[key];
      return typeof member === "function" ? member.bind(target) : member;
    },
  });

/** Moves the clock on until a promise settles; what takes more than a day of it never will. */
export async function runUntil<T>(clock: FakeClock, promise: Promise<T>, stepMs = 250): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => undefined);
  for (let step = 0; !isSettled && step < 86_400_000 / stepMs; step++) {
    for (let turn = 0; turn < 12 && !isSettled; turn++) await setImmediate();
    if (!isSettled) clock.advance(stepMs);
  }
  return settled;
}

/**
 * Lets everything run that needs no time. What the package imports late is there then, as in a host that has
 * run for a while.
 */
export async function flush(): Promise<void> {
  await Promise.all([import("../../src/delivery/deliver-batch.ts"), import("../../src/registry/push.ts")]);
  for (let turn = 0; turn < 60; turn++) await setImmediate();
}
