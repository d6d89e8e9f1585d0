import type { InstanceMetadataSource } from "../../../core/credential-source.ts";
import { CredentialError } from "../../../core/errors.ts";
import type { Runtime } from "../../../host/runtime.ts";
import type { CredentialProvider } from "../../provider.ts";
import { withRetries } from "../../retry.ts";
import { detectCloud } from "./detect-cloud.ts";
import { type MetadataService, SOURCE_TYPE } from "./metadata-service.ts";
import { findOwnIdentity } from "./own-identity.ts";

/**
 * The identity of the pod, the container or the cloud machine in which the server runs. A detected cloud is
 * remembered. If none is found, the next request detects again.
 */
export function createInstanceMetadataProvider(
  source: InstanceMetadataSource,
  runtime: Runtime,
): CredentialProvider {
  let found: MetadataService | undefined;
  return withRetries(async (request = {}) => {
    const context = { source, runtime, request };
    const own = await findOwnIdentity(context);
    const service = own ?? found ?? (await detectCloud(context));
    if (service.provider !== "azure" && source.clientId !== undefined) {
      const message = "client_id is for Azure, and this machine is not on Azure";
      throw new CredentialError("ERR_CREDENTIAL_UNSUPPORTED", SOURCE_TYPE, message);
    }
    if (service.provider === "aws" && source.roleArn !== undefined) {
      const message =
        "role_arn is for Google Cloud and Azure; on AWS give the role to the machine or pod, or use aws-profile";
      throw new CredentialError("ERR_CREDENTIAL_UNSUPPORTED", SOURCE_TYPE, message);
    }
    const credentials = await service.fetch(context);
    if (own === undefined) found = service;
    return credentials;
  }, runtime);
}
