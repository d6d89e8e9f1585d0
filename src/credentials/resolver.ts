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

/** Longest one load of credentials may take. */
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
   * Fetches the credentials of a source. The configured source is the only one asked: nothing falls through
   * to another.
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
 * Makes a resolver. Each load has a deadline of 10 s, and what a source returns is checked before it is used.
 *
 * Sources on this machine (`env`, `file`, `cachix-token`, `systemd-credential`, `none`) are read anew at each
 * request. The answers of all others are kept: until shortly before they expire, or for a minute if they do
 * not say when. However many ask at once, a source gets one request. Disposing the resolver ends requests
 * that nobody waits for.
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
      // A copy, since the kept answer goes to others, too.
      return { env: new Map(env), expiration };
    },
    [Symbol.dispose]: () => {
      for (const credentials of kept.values()) credentials.stop();
    },
  };
}

/** The whole identity of a source; numbers that JSON has no word for are told apart. */
function toKey(source: CredentialSource): string {
  return JSON.stringify(source, (_key, value: unknown) =>
    typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))
      ? `${typeof value} ${value}`
      : value,
  );
}

/** Sources that are read anew at each request: they are here, and may have changed. */
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

/** A host that only decides asks no source. */
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
