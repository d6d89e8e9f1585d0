import { CredentialError } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import { listIssuePlaces, type StandardSchemaV1 } from "../core/standard-schema.ts";
import type { Runtime } from "../host/runtime.ts";

/**
 * What a push tool needs to authenticate.
 *
 * @public
 */
export interface Credentials {
  /** Values by the name of their environment variable. */
  readonly env: ReadonlyMap<string, Secret>;
  /** When they expire; absent if the source does not say. */
  readonly expiration?: Date | undefined;
}

/**
 * Options of one request to a provider.
 *
 * @example
 * ```ts
 * const request: CredentialRequest = { minimumLifeMs: 300_000, signal: AbortSignal.timeout(10_000) };
 * ```
 *
 * @public
 */
export interface CredentialRequest {
  /** Aborts the request; a provider then stops its work. */
  readonly signal?: AbortSignal | undefined;
  /** Whether an answer kept from earlier must not be used. */
  readonly forceRefresh?: boolean | undefined;
  /**
   * How long the credentials should still be valid, in milliseconds, if the source supports that; default 0.
   */
  readonly minimumLifeMs?: number | undefined;
}

/**
 * Fetches credentials. It rejects with a {@link CredentialError}, and never returns an incomplete answer.
 *
 * @public
 */
export type CredentialProvider = (request?: CredentialRequest) => Promise<Credentials>;

/**
 * A source that the host adds, for a resolver or registry. Created by {@link defineCredentialSource}.
 *
 * @public
 */
export interface CredentialSourceDefinition {
  /** The key under `credentials` in the configuration. */
  readonly type: `custom:${string}`;
  /**
   * Checks the table of the configuration and creates the provider.
   *
   * @throws {@link CredentialError} `ERR_CREDENTIAL_MALFORMED` for options outside the schema
   */
  readonly createProvider: (options: unknown, runtime: Runtime) => Promise<CredentialProvider>;
}

/**
 * What {@link defineCredentialSource} takes.
 *
 * @example
 * ```ts
 * const init: CredentialSourceInit<{ entry: string }> = {
 *   type: "custom:keyring",
 *   schema: v.strictObject({ entry: v.string() }),
 *   create: ({ entry }) => async () => ({ env: new Map([["CACHIX_AUTH_TOKEN", new Secret(await readKeyring(entry))]]) }),
 * };
 * ```
 *
 * @public
 */
export interface CredentialSourceInit<Options> {
  /**
   * `custom:` and a name of lower-case letters, digits and hyphens, so that no built-in source is shadowed.
   */
  readonly type: `custom:${string}`;
  /** Schema of the table in the configuration, from any library that supports Standard Schema. */
  readonly schema: StandardSchemaV1<unknown, Options>;
  /** Creates the provider from checked options. */
  readonly create: (options: Options, runtime: Runtime) => CredentialProvider;
}

/**
 * Defines a credential source of the host, which the configuration file uses like a built-in one.
 *
 * @param init - name, schema and provider of the source
 *
 * @example
 * ```ts
 * const keyring = defineCredentialSource({
 *   type: "custom:keyring",
 *   schema: v.strictObject({ entry: v.string() }),
 *   create: ({ entry }) => async () => ({ env: new Map([["CACHIX_AUTH_TOKEN", new Secret(await readKeyring(entry))]]) }),
 * });
 * // [caches.credentials]
 * // "custom:keyring" = { entry: "cachix" }
 * ```
 *
 * @public
 */
export function defineCredentialSource<Options>(
  init: CredentialSourceInit<Options>,
): CredentialSourceDefinition {
  const { type, schema, create } = init;
  return {
    type,
    createProvider: async (options, runtime) => {
      const result = await schema["~standard"].validate(options);
      if (result.issues !== undefined) throw invalidOptions(type, result.issues);
      return create(result.value, runtime);
    },
  };
}

function invalidOptions(type: string, issues: readonly StandardSchemaV1.Issue[]): CredentialError {
  const message = `The options of ${type} are not valid at ${listIssuePlaces(issues)}`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
