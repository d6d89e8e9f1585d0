import { setMaxListeners } from "node:events";
import { AuditLog, type AuditSink } from "../audit/audit-log.ts";
import type { AuditEvent } from "../audit/event.ts";
import type { CacheTypeDefinition } from "../commands/cache-tool.ts";
import type { HostSetup } from "../commands/host-setup.ts";
import { loadServerConfig, parseServerConfig } from "../config/server-config.ts";
import type { ServerConfig } from "../config/server-model.ts";
import type { DiagnosticListener } from "../config/text/parse-result.ts";
import { PushError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import { findAwsFiles } from "../credentials/aws-files.ts";
import type { CredentialSourceDefinition } from "../credentials/provider.ts";
import { type CredentialResolver, createCredentialResolver } from "../credentials/resolver.ts";
import { findHostSecrets } from "../execution/child-environment.ts";
import type { Executor } from "../execution/executor.ts";
import { createProcessExecutor } from "../execution/process-executor.ts";
import { Deadline } from "../host/deadline.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import type { AccessRequest, Decision } from "../policy/decision.ts";
import { readCacheId } from "../policy/read-cache-id.ts";
import { readRequest } from "../policy/read-request.ts";
import { CacheCatalog } from "./cache-catalog.ts";
import type { CheckOptions, CheckReport } from "./check-types.ts";
import { NixMemory } from "./nix-memory.ts";
import { type PushPlan, planAllowed } from "./plan.ts";
import { Presences } from "./presences.ts";
import type { PushContext } from "./push-context.ts";
import { toTimeout } from "./push-failure.ts";
import type { PromotionRequest, PushOptions, PushReport, PushRequest, PushResult } from "./push-types.ts";
import { ReadPushRequest, readPromotionRequest, readPushRequest } from "./read-push-request.ts";

/** Loaded lazily, because a host that only decides never pushes. */
const loadPush = lateImport(() => import("./push.ts"));

/**
 * Options of {@link CacheRegistry}.
 *
 * @example
 * ```ts
 * const options: CacheRegistryOptions = { auditSinks: [createLineSink({ write: log })], executor };
 * ```
 *
 * @public
 */
export interface CacheRegistryOptions {
  /** Runs the push tools; default {@link createProcessExecutor}. */
  readonly executor?: Executor | undefined;
  /** Ports to use instead of those of Node.js. */
  readonly runtime?: Partial<Runtime> | undefined;
  /** Credential sources of the host. */
  readonly credentialSources?: readonly CredentialSourceDefinition[] | undefined;
  /** Cache types of the host. */
  readonly cacheTypes?: readonly CacheTypeDefinition[] | undefined;
  /** Where audit events are stored. A sink that fails stops pushes. */
  readonly auditSinks?: readonly AuditSink[] | undefined;
  /**
   * Whether a cache is asked for the paths after a push tool reported success; default `always`. With `never`
   * a report relies on the tool, and signatures are not checked. A direct upload always asks the cache.
   */
  readonly verify?: "always" | "never" | undefined;
  /**
   * How long to remember that a cache has a path, in milliseconds; default 10 minutes, 0 remembers nothing.
   * Of the remembered paths only a sample is asked for, and all of them if one is missing. The paths of the
   * request are always asked for.
   */
  readonly presenceTtlMs?: number | undefined;
  /**
   * How many bytes of uncompressed NARs a direct upload stages together below `TMPDIR`; default 256 MiB. The
   * next share is staged while one is sent. A larger path is staged alone. The `staging_size` of a cache
   * takes precedence.
   */
  readonly stagingBytes?: number | undefined;
}

/**
 * The caches of a server: who may push to them, and the pushes themselves.
 *
 * @example
 * ```ts
 * await using registry = await CacheRegistry.load("/etc/eka-ci/ekaci.toml");
 * const report = await registry.push({
 *   repository: "myorg/myrepo",
 *   ref: { type: "branch", name: "main" },
 *   job: "my-package",
 *   caches: repositoryConfig.jobs.get("my-package")?.caches ?? [],
 *   storePaths: ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"],
 * });
 * for (const result of report.results) console.log(result.cacheId, result.status);
 * ```
 *
 * @public
 */
export class CacheRegistry implements AsyncDisposable {
  /** Its configuration. */
  readonly config: ServerConfig;
  readonly #catalog: CacheCatalog;
  readonly #runtime: Runtime;
  readonly #executor: Executor;
  readonly #resolver: CredentialResolver & Disposable;
  readonly #audit: AuditLog;
  readonly #host: HostSetup;
  readonly #nix = new NixMemory();
  readonly #presences: Presences;
  readonly #verifies: boolean;
  readonly #stagingBytes: number | undefined;
  readonly #hostSecrets: readonly string[];
  readonly #running = new Map<Deadline, Promise<unknown>>();
  #closed = false;

  /**
   * Creates a registry from a configuration, and compiles its permissions.
   *
   * @param config - a configuration, parsed or written by hand
   * @param options - executor, ports, sources and sinks
   * @throws {@link ConfigError} `ERR_CONFIG_INVALID` for a duplicate id, a custom source or cache type that
   * is not in `credentialSources` or `cacheTypes`, or a destination that the type's schema refuses
   * @throws {@link PermissionError} `ERR_PATTERN_INVALID` for a pattern outside the grammar
   */
  constructor(config: ServerConfig, options: CacheRegistryOptions = {}) {
    const { credentialSources = [], cacheTypes = [], auditSinks: sinks = [] } = options;
    const runtime = createNodeRuntime(options.runtime);
    this.config = config;
    this.#verifies = options.verify !== "never";
    this.#stagingBytes = options.stagingBytes;
    this.#catalog = new CacheCatalog(config, credentialSources, cacheTypes);
    this.#runtime = runtime;
    this.#executor = options.executor ?? createProcessExecutor({ runtime });
    this.#resolver = createCredentialResolver({ runtime, credentialSources });
    const { clock, warn } = runtime;
    this.#audit = new AuditLog({ enabled: config.security.auditHooks, sinks, clock, warn });
    this.#presences = new Presences(clock, options.presenceTtlMs);
    this.#hostSecrets = findHostSecrets(runtime);
    this.#host = {
      storeDirectory: findStoreDirectory(runtime),
      awsFiles: findAwsFiles(runtime),
      cacheTypes,
    };
  }

  /**
   * Creates a registry from the server's configuration file.
   *
   * @param path - path or `file:` URL; default as for {@link loadServerConfig}
   * @param options - executor, ports, sources and sinks, and where warnings go
   * @throws {@link ConfigError} `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID` with
   * all diagnostics
   */
  static async load(path?: string | URL, options: CacheRegistryLoadOptions = {}): Promise<CacheRegistry> {
    const { runtime, onDiagnostic } = options;
    return new CacheRegistry(await loadServerConfig(path, { runtime, onDiagnostic }), options);
  }

  /**
   * Creates a registry from the text of a server's configuration.
   *
   * @param text - TOML 1.1
   * @param options - executor, ports, sources and sinks, and where warnings go
   * @throws {@link ConfigError} `ERR_CONFIG_INVALID` with all diagnostics
   */
  static fromToml(text: string, options: CacheRegistryLoadOptions = {}): CacheRegistry {
    const { onDiagnostic } = options;
    return new CacheRegistry(parseServerConfig(text, { onDiagnostic }), options);
  }

  /**
   * Decides whether a request may push to a cache. It is pure and never throws; an unknown id or an invalid
   * request is denied.
   *
   * @param cacheId - any text
   * @param request - the repository and what was built
   */
  authorize(cacheId: string, request: AccessRequest): Decision {
    const from = ReadPushRequest.isRead(request) ? request.from : undefined;
    return this.#catalog.decide(readCacheId(cacheId), readRequest(request), from).decision;
  }

  /**
   * Returns what {@link CacheRegistry.push} would do. No credential is read, and nothing is run.
   *
   * @param request - the same as for a push
   */
  plan(request: PushRequest): PushPlan {
    const read = readPushRequest(request);
    const entries = read.caches.map((cacheId) => {
      const { decision, cache } = this.#catalog.decide(cacheId, read);
      if (cache === undefined) return { cacheId, decision, commands: [], rules: [] };
      const context = { executor: this.#executor, runtime: this.#runtime };
      return planAllowed(cache, decision, read.storePaths, this.#host, context);
    });
    return { entries };
  }

  /**
   * Pushes store paths to every requested cache that allows it, to all caches at once. A failure at one cache
   * does not stop the others; every outcome becomes a result.
   *
   * @param request - what to push, and for whom
   * @param options - limits, and where output goes
   * @throws {@link PushError} `ERR_REGISTRY_CLOSED` after the registry was disposed or retired
   */
  push(request: PushRequest, options: PushOptions = {}): Promise<PushReport> {
    return this.#track(options, async (context) => {
      const read = readPushRequest(request);
      const { runPush } = await loadPush();
      return runPush(read, context);
    });
  }

  /**
   * Copies store paths from one cache to another without the local store. It copies their closure, references
   * first. Each path must carry the signature that `promote_from` of the target names, and must match the
   * signed hash. Each cache is asked with its own credentials. Policy of the target decides, and the audit
   * log has the same events as for a push.
   *
   * @param request - from where to where, what, and for whom
   * @param options - limits, and where output goes
   * @returns a report with one result, that of the target
   * @throws {@link PushError} `ERR_REGISTRY_CLOSED` after the registry was disposed or retired
   *
   * @example
   * ```ts
   * const { ok, results } = await registry.promote({
   *   from: "staging",
   *   to: "production",
   *   repository: "company/backend",
   *   ref: { type: "tag", name: "v1.2.3" },
   *   storePaths: outputs,
   * });
   * ```
   */
  promote(request: PromotionRequest, options: PushOptions = {}): Promise<PushReport> {
    return this.#track(options, async (context) => {
      const read = readPromotionRequest(request);
      const { runPush } = await loadPush();
      return runPush(read, context);
    });
  }

  /**
   * Pushes the paths of several requests to one cache with as few commands as possible, at least one for each
   * repository. Each request has its own decision, audit events and result. If a path is missing in the end,
   * only the requests that asked for it fail.
   *
   * @param cacheId - the cache; `caches` of the requests are ignored
   * @param requests - what to push, and for whom
   * @param options - limits, and where output goes
   * @returns a result for each request, in their order
   * @throws {@link PushError} `ERR_REGISTRY_CLOSED` after the registry was disposed or retired
   *
   * @example
   * ```ts
   * const [first, second] = await registry.pushTogether("team-cache", [firstRequest, secondRequest]);
   * ```
   */
  pushTogether(
    cacheId: string,
    requests: readonly PushRequest[],
    options: PushOptions = {},
  ): Promise<readonly PushResult[]> {
    const caches = [readCacheId(cacheId)];
    return this.#track(options, async (context) => {
      const read = requests.map((request) => readPushRequest(request, caches));
      const { runSharedPush } = await loadPush();
      return runSharedPush(read, context);
    });
  }

  /**
   * Checks whether pushes could work: whether the tools run, and whether credentials can be fetched and fit
   * their tool. With `probe`, it also asks the destinations. Nothing is pushed without `probe: "write"`, and
   * no secret is shown. An unknown id is an entry that is not ok.
   *
   * @param options - which caches, and whether to probe them
   * @throws {@link PushError} `ERR_REGISTRY_CLOSED` for a probe after the registry was disposed or retired
   */
  async check(options: CheckOptions = {}): Promise<CheckReport> {
    const { probe, signal, caches: ids = this.config.caches.map(({ id }) => id) } = options;
    if (probe !== undefined) this.#assertOpen();
    const { checkCaches } = await import("./check.ts");
    const report = await checkCaches(
      [...new Set(ids)].map((id) => ({ id, cache: this.#catalog.find(id) })),
      {
        executor: this.#executor,
        runtime: this.#runtime,
        clock: this.#runtime.clock,
        resolver: this.#resolver,
        host: this.#host,
        hostSecrets: this.#hostSecrets,
        signal,
      },
    );
    return probe === undefined
      ? report
      : this.#track({ signal }, async (context) => {
          const { probeCaches } = await import("./probe-destinations.ts");
          return probeCaches(report, probe, context);
        });
  }

  /**
   * Listens to audit events. Pushes do not wait for a listener; use a sink for what must not be lost. With
   * `audit_hooks = false` there are no events.
   *
   * @param listener - called with each event; if it throws, pushes go on and the runtime's `warn` is called
   * @returns a function that ends the subscription
   */
  subscribe(listener: (event: AuditEvent) => void): () => void {
    return this.#audit.subscribe(listener);
  }

  /**
   * Waits for running pushes and accepts no new ones, for a registry that another one replaces. Its decisions
   * stay available.
   *
   * @returns settles when the last push has ended
   */
  async retire(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running.values());
    this.#resolver[Symbol.dispose]();
  }

  /** Aborts all pushes and waits for them. They are reported as `aborted`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const deadline of this.#running.keys()) deadline.abort();
    return this.retire();
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    const message = "The registry was disposed or retired; use its successor";
    throw new PushError("ERR_REGISTRY_CLOSED", message);
  }

  async #track<Result>(
    options: PushOptions,
    run: (context: PushContext) => Promise<Result>,
  ): Promise<Result> {
    this.#assertOpen();
    const { signal } = options;
    const timeoutMs = this.#toTimeoutMs(options.timeoutMs);
    using deadline = new Deadline({
      clock: this.#runtime.clock,
      timeoutMs,
      signal,
      onTimeout: () => toTimeout(timeoutMs),
    });
    // Each cache adds a listener, and Node.js warns beyond ten.
    setMaxListeners(0, deadline.signal, deadline.hostSignal);
    const running = run(this.#toContext(options, deadline, timeoutMs));
    this.#running.set(deadline, running);
    try {
      return await running;
    } finally {
      this.#running.delete(deadline);
    }
  }

  #toContext(options: PushOptions, deadline: Deadline, timeoutMs: number): PushContext {
    const { onOutput, onProgress, findConfirmed, stallTimeoutMs } = options;
    return {
      catalog: this.#catalog,
      audit: this.#audit,
      executor: this.#executor,
      resolver: this.#resolver,
      runtime: this.#runtime,
      host: this.#host,
      nix: this.#nix,
      presences: this.#presences,
      hostSecrets: this.#hostSecrets,
      verifies: this.#verifies,
      stagingBytes: this.#stagingBytes,
      ...{ deadline, timeoutMs, onOutput, onProgress, findConfirmed, stallTimeoutMs },
    };
  }

  /** Anything but a number of milliseconds means the server's own limit. */
  #toTimeoutMs(timeoutMs: number | undefined): number {
    const longestMs = this.config.security.maxHookTimeoutSeconds * 1000;
    if (timeoutMs === undefined || Number.isNaN(timeoutMs)) return longestMs;
    return Math.min(Math.max(timeoutMs, 1), longestMs);
  }
}

/**
 * Options of {@link CacheRegistry.load} and {@link CacheRegistry.fromToml}.
 *
 * @example
 * ```ts
 * const options: CacheRegistryLoadOptions = { onDiagnostic: (diagnostic) => log(formatDiagnostic(diagnostic)) };
 * ```
 *
 * @public
 */
export interface CacheRegistryLoadOptions extends CacheRegistryOptions {
  /** Called with every warning of the file. Errors are thrown instead. */
  readonly onDiagnostic?: DiagnosticListener | undefined;
}

function findStoreDirectory({ env }: Runtime): string | undefined {
  const directory = env["NIX_STORE_DIR"];
  return directory === undefined || directory === "" ? undefined : directory.replace(/\/+$/u, "");
}
