import type { CredentialProvider } from "../provider.ts";

/** No credentials, stated on purpose. */
export function createNoneProvider(): CredentialProvider {
  return async () => ({ env: new Map() });
}
