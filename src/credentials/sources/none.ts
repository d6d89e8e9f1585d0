import type { CredentialProvider } from "../provider.ts";

/** Explicitly no credentials. */
export function createNoneProvider(): CredentialProvider {
  return async () => ({ env: new Map() });
}
