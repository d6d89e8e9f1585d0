import type { Secret } from "../core/secret.ts";

/** Credentials of a cache, by the names of their variables. */
export type CredentialVariables = ReadonlyMap<string, Secret>;

/** Where the credentials of each request come from: a long upload outlives them. */
export interface CacheCredentials {
  /** Those to use now. */
  get(signal: AbortSignal): Promise<CredentialVariables>;
  /** Others in place of those that the cache has refused; nothing where there are none. */
  replace(refused: CredentialVariables, signal: AbortSignal): Promise<CredentialVariables | undefined>;
}

/** Credentials that stay as they are. */
export function fixedCredentials(variables: CredentialVariables): CacheCredentials {
  return { get: async () => variables, replace: async () => undefined };
}
