import type { CloudProvider } from "../../../core/credential-source.ts";
import { CredentialError } from "../../../core/errors.ts";
import { azure } from "./azure.ts";
import { containerRole } from "./container-role.ts";
import { ec2 } from "./ec2.ts";
import { type MetadataContext, type MetadataService, SOURCE_TYPE } from "./metadata-service.ts";
import { podWebIdentity } from "./pod-web-identity.ts";

/**
 * The identity of a pod or container itself, by what its environment names, in the order of the AWS SDKs. The
 * machine behind it answers inside as well, with a role that is the machine's: whoever has an identity of its
 * own is never given that one, whatever fails.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_UNSUPPORTED` for the workload identity of a pod on Azure
 */
export async function findOwnIdentity(context: MetadataContext): Promise<MetadataService | undefined> {
  const { source, runtime } = context;
  const isMeant = (provider: CloudProvider): boolean => (source.provider ?? provider) === provider;
  if (isMeant(ec2.provider))
    for (const service of [podWebIdentity, containerRole]) if (await service.prove(context)) return service;
  if (isMeant(azure.provider) && runtime.env["AZURE_FEDERATED_TOKEN_FILE"]) throw noWorkloadIdentity();
  return undefined;
}

function noWorkloadIdentity(): CredentialError {
  const message =
    "This pod has a workload identity of Azure, which is not supported, and the identity of its machine is not taken in its place";
  return new CredentialError("ERR_CREDENTIAL_UNSUPPORTED", SOURCE_TYPE, message);
}
