import { type Members, readMember } from "../../../core/own-member.ts";
import { Secret } from "../../../core/secret.ts";
import type { Credentials } from "../../provider.ts";
import { type MetadataService, malformedAnswer } from "./metadata-service.ts";

/** Reads the keys of a role in the form that EC2's metadata service and the agents of ECS and EKS share. */
export function readTemporaryKeys(answer: Members, service: Pick<MetadataService, "name">): Credentials {
  const read = (name: string): string => {
    const value = readMember(answer, name);
    if (typeof value !== "string" || value === "") throw malformedAnswer(service, name);
    return value;
  };
  const expiration = new Date(read("Expiration"));
  if (Number.isNaN(expiration.getTime())) throw malformedAnswer(service, "a valid Expiration");
  const env = new Map([
    ["AWS_ACCESS_KEY_ID", new Secret(read("AccessKeyId"))],
    ["AWS_SECRET_ACCESS_KEY", new Secret(read("SecretAccessKey"))],
    ["AWS_SESSION_TOKEN", new Secret(read("Token"))],
  ]);
  return { env, expiration };
}
