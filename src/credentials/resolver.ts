import type { CredentialSource, CustomSource } from "../credential-source.ts";
import { withDeadline } from "../deadline.ts";
import { CredentialError } from "../errors.ts";
import { createNodeRuntime, type Runtime } from "../runtime.ts";
import { checkCredentials } from "./check-credentials.ts";
import type {
  CredentialProvider,
  CredentialRequest,
  CredentialSourceDefinition,
  Credentials,
} from "./provider.ts";
import { createAwsProfileProvider } from "./sources/aws-profile.ts";
import { createCachixTokenProvider } from "./sources/cachix-token.ts";
import { createEnvProvider } from "./sources/env.ts";
import { createFileProvider } from "./sources/file.ts";
import { createNoneProvider } from "./sources/none.ts";
import { createSystemdCredentialProvider } from "./sources/systemd-credential.ts";

/** Longest one load of credentials may take. */
const LOAD_TIMEOUT_MS = 10_000;

/**
 * Turns a configured source into credentials.
 *
 * @public
 */
export interface CredentialResolver {
  /**
   * Fetches the credentials of a source. The configured source is the only one asked: nothing falls through to
   * another.
   *
   * @throws {@link CredentialError} saying what is wrong with the source; the signal's reason on abort
   */
  resolve(source: CredentialSource, request?: CredentialRequest): Promise<Credentials>;
}

/**
 * Options of {@link createCredentialResolver}.
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
export function createCredentialResolver(options: CredentialResolverOptions = {}): CredentialResolver {
  const runtime = createNodeRuntime(options.runtime);
  const definitions = new Map(
    (options.credentialSources ?? []).map((definition) => [definition.type, definition]),
  );
  return {
    resolve: async (source, request = {}) => {
      const credentials = await withDeadline((signal) => load(source, { ...request, signal }), {
        clock: runtime.clock,
        timeoutMs: LOAD_TIMEOUT_MS,
        signal: request.signal,
        onTimeout: () => tooSlow(source),
      });
      return checkCredentials(credentials, source.type, runtime.clock);
    },
  };

  async function load(source: CredentialSource, request: CredentialRequest): Promise<Credentials> {
    if (isCustom(source)) return loadCustom(source, request);
    return createProvider(source, runtime)(request);
  }

  async function loadCustom(source: CustomSource, request: CredentialRequest): Promise<Credentials> {
    const definition = definitions.get(source.type);
    if (definition === undefined) throw unsupported(source.type, "is not among the host's credentialSources");
    try {
      const provider = await definition.createProvider(source.options, runtime);
      return await provider(request);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof CredentialError) throw error;
      // An error of unknown make may hold anything, so neither it nor its message goes on.
      const message = `The source ${source.type} failed; have it reject with a CredentialError that says why`;
      throw new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", source.type, message);
    }
  }
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
    case "aws-secrets-manager":
    case "instance-metadata":
      throw unsupported(source.type, "is not built yet in this version");
  }
}

function unsupported(sourceType: string, why: string): CredentialError {
  return new CredentialError(
    "ERR_CREDENTIAL_UNSUPPORTED",
    sourceType,
    `The credential source ${sourceType} ${why}`,
  );
}

function tooSlow(source: CredentialSource): CredentialError {
  const message = `The credential source ${source.type} did not answer within ${LOAD_TIMEOUT_MS / 1000} s`;
  return new CredentialError("ERR_CREDENTIAL_UNREACHABLE", source.type, message);
}
