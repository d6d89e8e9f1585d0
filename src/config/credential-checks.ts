import { quoteName } from "../text.ts";
import type { Problem } from "./diagnostic.ts";
import { isTable } from "./schema-issues.ts";
import { credentialEntries } from "./server-schema.ts";

/** The built-in sources, as the configuration names them. */
const SOURCE_NAMES = Object.keys(credentialEntries);

/** Checks that `credentials` names exactly one source that exists. */
export function checkCredentials(value: unknown, path: Problem["path"]): Problem[] {
  if (!isTable(value)) return [];
  const names = Object.keys(value);
  const unknown = names.filter((name) => !SOURCE_NAMES.includes(name) && !isCustomName(name));
  const problems = unknown.map((name) => unknownSource(name, path));
  if (names.length - unknown.length > 1 || names.length === 0) problems.push(notExactlyOne(path));
  const file = value["file"];
  if (isTable(file) && file["file_permissions"] === "off") problems.push(insecureFile([...path, "file"]));
  return [...problems, ...checkInstanceMetadata(value["instance-metadata"], [...path, "instance-metadata"])];
}

/** Which keys of `instance-metadata` mean something only beside another. */
function checkInstanceMetadata(value: unknown, path: Problem["path"]): Problem[] {
  if (!isTable(value)) return [];
  const { provider, role_arn: role, audience, client_id: client, region } = value;
  const problems: Problem[] = [];
  const refuse = (key: string, message: string): void => {
    problems.push({ code: "invalid-value", severity: "error", message, path: [...path, key] });
  };
  if (role !== undefined && provider === "aws")
    refuse("role_arn", "A role is assumed from Google Cloud and Azure only");
  if (role === undefined && audience !== undefined)
    refuse("audience", "An audience needs a role_arn beside it");
  if (role === undefined && region !== undefined) refuse("region", "A region needs a role_arn beside it");
  if (client !== undefined && provider !== undefined && provider !== "azure") {
    refuse("client_id", "A client_id belongs to Azure");
  }
  return problems;
}

/** Whether a key of `credentials` names a source that the host defines. */
export function isCustomName(name: string): name is `custom:${string}` {
  return /^custom:[a-z0-9][a-z0-9-]{0,63}$/u.test(name);
}

function unknownSource(name: string, path: Problem["path"]): Problem {
  return {
    code: "unknown-credential-source",
    severity: "error",
    message: `There is no credential source ${quoteName(name, 64)}`,
    path: [...path, name],
    hint: `Sources are ${SOURCE_NAMES.join(", ")}, and custom:<name> for those the host defines`,
  };
}

function notExactlyOne(path: Problem["path"]): Problem {
  const message = "credentials holds exactly one source";
  const hint = "Write credentials = { none = {} } for a cache without authentication";
  return { code: "invalid-credentials", severity: "error", message, path, hint };
}

function insecureFile(path: Problem["path"]): Problem {
  const message = "The permissions of this file are not checked, so others may read or change its secrets";
  const hint = "Remove file_permissions, and set the file's mode to 600";
  return { code: "insecure-file-permissions", severity: "warning", message, path, hint };
}
