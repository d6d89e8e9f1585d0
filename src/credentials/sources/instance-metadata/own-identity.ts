import { containerRole } from "./container-role.ts";
import { ec2 } from "./ec2.ts";
import type { MetadataContext, MetadataService } from "./metadata-service.ts";
import { podWebIdentity } from "./pod-web-identity.ts";

/**
 * The identity of a pod or container itself, by what its environment names, in the order of the AWS SDKs. The machine behind it answers
 * inside as well, with a role that is the machine's: whoever has an identity of its own is never given that one, whatever fails.
 */
export async function findOwnIdentity(context: MetadataContext): Promise<MetadataService | undefined> {
  const { provider } = context.source;
  if (provider !== undefined && provider !== ec2.provider) return undefined;
  for (const service of [podWebIdentity, containerRole]) if (await service.prove(context)) return service;
  return undefined;
}
