import type { Secret } from "../core/secret.ts";

/** Credentials of a cache, by the names of their variables. */
export type CredentialVariables = ReadonlyMap<string, Secret>;

/** The source of the credentials of each request, because a long upload may outlive them. */
export interface CacheCredentials {
  /** The current credentials. */
  get(signal: AbortSignal): Promise<CredentialVariables>;
  /** New credentials after a refusal; nothing if there are none. */
  replace(refused: CredentialVariables, signal: AbortSignal): Promise<CredentialVariables | undefined>;
}

/** Credentials that do not change. */
export function fixedCredentials(variables: CredentialVariables): CacheCredentials {
  return { get: async () => variables, replace: async () => undefined };
}
