import type { CredentialSource } from "../core/credential-source.ts";
import { CredentialError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import { withDeadline } from "../host/deadline.ts";
import { createNodeRuntime, type Runtime } from "../host/runtime.ts";
import { checkCredentials } from "./check-credentials.ts";
import type {
  CredentialProvider,
  CredentialRequest,
  CredentialSourceDefinition,
  Credentials,
} from "./provider.ts";
import { RefreshingCredentials } from "./refresh.ts";

/** Deadline of loading credentials. */
const LOAD_TIMEOUT_MS = 10_000;

/**
 * Turns a configured source into credentials.
 *
 * @example
 * ```ts
 * const resolver: CredentialResolver = createCredentialResolver();
 * const { env } = await resolver.resolve({ type: "env", vars: ["CACHIX_AUTH_TOKEN"] });
 * ```
 *
 * @public
 */
export interface CredentialResolver {
  /**
   * Fetches the credentials of a source. Only the configured source is asked; there is no fallback.
   *
   * @throws {@link CredentialError} `ERR_CREDENTIAL_…`, by what is wrong with the source; the signal's reason
   * on abort
   */
  resolve(source: CredentialSource, request?: CredentialRequest): Promise<Credentials>;
}

/**
 * Options of {@link createCredentialResolver}.
 *
 * @example
 * ```ts
 * const options: CredentialResolverOptions = { runtime: { env: { CACHIX_AUTH_TOKEN: "…" } } };
 * ```
 *
 * @public
 */
export interface CredentialResolverOptions {
  /** Sources of the host's own. */
  readonly credentialSources?: readonly CredentialSourceDefinition[] | undefined;
  /** Ports to use instead of those of Node.js. */
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * Creates a resolver. Each load has a deadline of 10 s, and what a source returns is checked before use.
 *
 * Sources on this machine (`env`, `file`, `cachix-token`, `systemd-credential`, `none`) are read at each
 * request. Answers of the others are kept until shortly before they expire, or for a minute if they have no
 * expiration. Concurrent callers share one request to a source. Disposing the resolver aborts requests that
 * nobody waits for.
 *
 * @param options - custom sources and ports
 *
 * @example
 * ```ts
 * const resolver = createCredentialResolver();
 * const credentials = await resolver.resolve({ type: "env", vars: ["CACHIX_AUTH_TOKEN"] });
 * ```
 *
 * @public
 */
export function createCredentialResolver(
  options: CredentialResolverOptions = {},
): CredentialResolver & Disposable {
  const runtime = createNodeRuntime(options.runtime);
  const definitions = new Map(
    (options.credentialSources ?? []).map((definition) => [definition.type, definition]),
  );
  const kept = new Map<string, RefreshingCredentials>();

  const createChecked = (source: CredentialSource): CredentialProvider => {
    let creating: Promise<CredentialProvider> | undefined;
    return async (request = {}) => {
      creating ??= create(source, definitions, runtime);
      return load(source, await creating, request, runtime);
    };
  };
  const keep = (source: CredentialSource): RefreshingCredentials => {
    const key = toKey(source);
    const known = kept.get(key) ?? new RefreshingCredentials(createChecked(source), runtime);
    kept.set(key, known);
    return known;
  };
  return {
    resolve: async (source, request = {}) => {
      if (LOCAL_SOURCES.has(source.type)) return createChecked(source)(request);
      const { env, expiration } = await keep(source).get(request);
      // A copy, because others get the kept answer, too.
      return { env: new Map(env), expiration };
    },
    [Symbol.dispose]: () => {
      for (const credentials of kept.values()) credentials.stop();
    },
  };
}

/** The whole identity of a source. Numbers that JSON cannot represent are distinguished. */
function toKey(source: CredentialSource): string {
  return JSON.stringify(source, (_key, value: unknown) =>
    typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))
      ? `${typeof value} ${value}`
      : value,
  );
}

/** Sources that are read at each request, because they are local and may have changed. */
const LOCAL_SOURCES: ReadonlySet<string> = new Set([
  "env",
  "file",
  "cachix-token",
  "systemd-credential",
  "none",
]);

async function load(
  source: CredentialSource,
  provider: CredentialProvider,
  request: CredentialRequest,
  runtime: Runtime,
): Promise<Credentials> {
  const credentials = await withDeadline((signal) => provider({ ...request, signal }), {
    clock: runtime.clock,
    timeoutMs: LOAD_TIMEOUT_MS,
    signal: request.signal,
    onTimeout: () => tooSlow(source),
  });
  return checkCredentials(credentials, source.type, runtime.clock);
}

/** Loaded lazily, because a host that only decides asks no source. */
const loadSources = lateImport(() => import("./sources/create-provider.ts"));

async function create(
  source: CredentialSource,
  definitions: ReadonlyMap<string, CredentialSourceDefinition>,
  runtime: Runtime,
): Promise<CredentialProvider> {
  const { createProvider } = await loadSources();
  return createProvider(source, definitions, runtime);
}

function tooSlow(source: CredentialSource): CredentialError {
  const message = `The credential source ${source.type} did not answer within ${LOAD_TIMEOUT_MS / 1000} s`;
  return new CredentialError("ERR_CREDENTIAL_UNREACHABLE", source.type, message);
}
