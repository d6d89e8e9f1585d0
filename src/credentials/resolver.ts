import type { CredentialSource, CustomSource } from "../core/credential-source.ts";
import { CredentialError } from "../core/errors.ts";
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
import { createAwsProfileProvider } from "./sources/aws-profile.ts";
import { createAwsSecretsManagerProvider } from "./sources/aws-secrets-manager.ts";
import { createCachixTokenProvider } from "./sources/cachix-token.ts";
import { createCustomProvider } from "./sources/custom.ts";
import { createEnvProvider } from "./sources/env.ts";
import { createFileProvider } from "./sources/file.ts";
import { createInstanceMetadataProvider } from "./sources/instance-metadata/instance-metadata.ts";
import { createNoneProvider } from "./sources/none.ts";
import { createSystemdCredentialProvider } from "./sources/systemd-credential.ts";
import { createVaultProvider } from "./sources/vault.ts";

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
   * Fetches the credentials of a source. The configured source is the only one asked: nothing falls through to
   * another.
   *
   * @throws {@link CredentialError} `ERR_CREDENTIAL_…`, by what is wrong with the source; the signal's reason on abort
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
  /** Ports to use instead of Node's own. */
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * Makes a resolver. Each load has a deadline of 10 s, and what a source returns is checked before it is used.
 *
 * Sources on this machine (`env`, `file`, `cachix-token`, `systemd-credential`, `none`) are read anew at each request. The
 * answers of all others are kept: until shortly before they expire, or for a minute if they do not say when. However many
 * ask at once, a source gets one request. Disposing the resolver ends requests that nobody waits for.
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
    const provider = isCustom(source)
      ? createCustomProvider(source, definitions.get(source.type), runtime)
      : createProvider(source, runtime);
    return (request = {}) => load(source, provider, request, runtime);
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

type BuiltInSource = Exclude<CredentialSource, CustomSource>;

function isCustom(source: CredentialSource): source is CustomSource {
  return source.type.startsWith("custom:");
}

function createProvider(source: BuiltInSource, runtime: Runtime): CredentialProvider {
  switch (source.type) {
    case "env":
      return createEnvProvider(source, runtime);
    case "file":
      return createFileProvider(source, runtime);
    case "aws-profile":
      return createAwsProfileProvider(source, runtime);
    case "cachix-token":
      return createCachixTokenProvider(source, runtime);
    case "systemd-credential":
      return createSystemdCredentialProvider(source, runtime);
    case "none":
      return createNoneProvider();
    case "vault":
      return createVaultProvider(source, runtime);
    case "aws-secrets-manager":
      return createAwsSecretsManagerProvider(source, runtime);
    case "instance-metadata":
      return createInstanceMetadataProvider(source, runtime);
  }
}

function tooSlow(source: CredentialSource): CredentialError {
  const message = `The credential source ${source.type} did not answer within ${LOAD_TIMEOUT_MS / 1000} s`;
  return new CredentialError("ERR_CREDENTIAL_UNREACHABLE", source.type, message);
}
