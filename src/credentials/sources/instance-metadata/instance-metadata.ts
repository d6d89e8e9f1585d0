import type { InstanceMetadataSource } from "../../../core/credential-source.ts";
import { CredentialError } from "../../../core/errors.ts";
import type { Runtime } from "../../../host/runtime.ts";
import type { CredentialProvider } from "../../provider.ts";
import { withRetries } from "../../retry.ts";
import { detectCloud } from "./detect-cloud.ts";
import { type MetadataService, SOURCE_TYPE } from "./metadata-service.ts";

/**
 * The identity of the cloud machine the server runs on. Which cloud it is, is found out once; that it is none is found
 * out anew at each request.
 */
export function createInstanceMetadataProvider(
  source: InstanceMetadataSource,
  runtime: Runtime,
): CredentialProvider {
  let found: MetadataService | undefined;
  return withRetries(async (request = {}) => {
    const context = { source, runtime, request };
    const service = found ?? (await detectCloud(context));
    if (service.provider !== "azure" && source.clientId !== undefined) {
      const message = "client_id belongs to Azure, and this machine is not there";
      throw new CredentialError("ERR_CREDENTIAL_UNSUPPORTED", SOURCE_TYPE, message);
    }
    const credentials = await service.fetch(context);
    found = service;
    return credentials;
  }, runtime);
}
