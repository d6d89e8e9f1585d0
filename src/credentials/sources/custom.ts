import type { CustomSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { CredentialProvider, CredentialSourceDefinition } from "../provider.ts";

/** A source that the host defines. Its options are checked once, at the first request. */
export function createCustomProvider(
  { type, options }: CustomSource,
  definition: CredentialSourceDefinition | undefined,
  runtime: Runtime,
): CredentialProvider {
  let provider: CredentialProvider | undefined;
  return async (request = {}) => {
    if (definition === undefined) {
      const message = `The credential source ${type} is not among the host's credentialSources`;
      throw new CredentialError("ERR_CREDENTIAL_UNSUPPORTED", type, message);
    }
    try {
      provider ??= await definition.createProvider(options, runtime);
      return await provider(request);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof CredentialError) throw error;
      // An unknown error may hold a secret, so neither it nor its message is passed on.
      const message = `The source ${type} failed; let it reject with a CredentialError that says why`;
      throw new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
    }
  };
}
