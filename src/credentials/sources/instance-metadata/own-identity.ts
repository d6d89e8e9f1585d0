import type { CloudProvider } from "../../../core/credential-source.ts";
import { CredentialError } from "../../../core/errors.ts";
import { azure } from "./azure.ts";
import { containerRole } from "./container-role.ts";
import { ec2 } from "./ec2.ts";
import { type MetadataContext, type MetadataService, SOURCE_TYPE } from "./metadata-service.ts";
import { podWebIdentity } from "./pod-web-identity.ts";

/**
 * The identity of a pod or container, by its environment, in the order of the AWS SDKs. The machine behind it
 * also answers inside, with its own role. A pod or container with its own identity never gets that role,
 * whatever fails.
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
    "This pod has a workload identity of Azure, which is not supported; the identity of its machine is not used instead";
  return new CredentialError("ERR_CREDENTIAL_UNSUPPORTED", SOURCE_TYPE, message);
}
