import { CUSTOM_NAME } from "../../core/cache.ts";
import { findSecretRegion } from "../../core/credential-source.ts";
import { isRecord } from "../../core/own-member.ts";
import { didYouMean } from "../../core/suggestion.ts";
import { isMisplaced } from "../schema/credential-advice.ts";
import { credentialEntries } from "../schema/credential-entries.ts";
import { inlineSecret } from "../schema/misplaced-secrets.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";
import { quoteKey } from "../text/secret-forms.ts";
import { checkVault } from "./vault-checks.ts";

/** The built-in sources, as the configuration names them. */
const SOURCE_NAMES = Object.keys(credentialEntries);

/** Checks that a key, as `credentials`, names exactly one source that exists. */
export function checkCredentialSource(
  value: unknown,
  cachePath: KeyPath,
  key = "credentials",
): readonly Problem[] {
  if (!isRecord(value)) return [];
  const names = Object.keys(value);
  const path = [...cachePath, key];
  const unknown = names.filter((name) => !SOURCE_NAMES.includes(name) && !isCustomName(name));
  const problems = unknown.map((name) => unknownSource(name, value[name], path));
  if (names.length - unknown.length > 1 || names.length === 0) problems.push(notExactlyOne(path));
  const file = value["file"];
  if (isRecord(file) && file["file_permissions"] === "off") problems.push(insecureFile([...path, "file"]));
  for (const name of names) {
    const check = RULES_OF_SOURCES[name];
    if (check !== undefined) problems.push(...check(value[name], [...path, name]));
  }
  return problems;
}

/** Rules of sources that a schema cannot express. */
const RULES_OF_SOURCES: Readonly<Record<string, (value: unknown, path: KeyPath) => readonly Problem[]>> =
  Object.assign(Object.create(null), {
    "instance-metadata": checkInstanceMetadata,
    vault: checkVault,
    "aws-secrets-manager": checkSecretsManager,
  });

/** The region of an ARN is where the secret is. */
function checkSecretsManager(value: unknown, path: KeyPath): Problem[] {
  if (!isRecord(value)) return [];
  const { secret_name: name, region } = value;
  const ofName = typeof name === "string" ? findSecretRegion(name) : undefined;
  if (ofName === undefined || typeof region !== "string" || region === ofName) return [];
  const message = "The ARN in secret_name names another region";
  const hint = `Remove region, or write region = "${ofName}"`;
  return [{ code: "invalid-value", severity: "error", message, path: [...path, "region"], hint }];
}

/** Keys of `instance-metadata` that require another. */
function checkInstanceMetadata(value: unknown, path: KeyPath): Problem[] {
  if (!isRecord(value)) return [];
  const { provider, role_arn: role, audience, client_id: client, region } = value;
  const problems: Problem[] = [];
  const refuse = (key: string, message: string, hint = `Remove ${key}`): void => {
    problems.push({
      code: "invalid-value",
      severity: "error",
      message,
      path: [...path, key],
      part: "key",
      hint,
    });
  };
  if (role !== undefined && provider === "aws")
    refuse("role_arn", "A role is assumed from Google Cloud and Azure only");
  if (role === undefined && audience !== undefined)
    refuse("audience", "An audience needs a role_arn beside it", NAME_A_ROLE);
  if (role === undefined && region !== undefined)
    refuse("region", "A region needs a role_arn beside it", NAME_A_ROLE);
  if (client !== undefined && provider !== undefined && provider !== "azure") {
    refuse("client_id", "A client_id belongs to Azure", 'Remove client_id, or write provider = "azure"');
  }
  return problems;
}

const NAME_A_ROLE = 'Add role_arn = "arn:aws:iam::<account>:role/<name>"';

/** Whether a key of `credentials` names a source that the host defines. */
export function isCustomName(name: string): name is `custom:${string}` {
  return CUSTOM_NAME.test(name);
}

function unknownSource(name: string, value: unknown, parent: KeyPath): Problem {
  const path = [...parent, name];
  const suggestion = didYouMean(name, SOURCE_NAMES);
  if (isMisplaced(name, value, suggestion !== undefined)) return inlineSecret(path, { name });
  return {
    code: "unknown-credential-source",
    severity: "error",
    message: `There is no credential source ${quoteKey(name)}`,
    path,
    part: "key",
    hint:
      suggestion ?? `Sources are ${SOURCE_NAMES.join(", ")}, and custom:<name> for those the host defines`,
  };
}

function notExactlyOne(path: KeyPath): Problem {
  const message = "credentials holds exactly one source";
  const hint = "Keep one; write credentials = { none = {} } for a cache without authentication";
  return { code: "invalid-credentials", severity: "error", message, path, part: "key", hint };
}

function insecureFile(path: KeyPath): Problem {
  const message = "The permissions of this file are not checked, so others may read or change its secrets";
  const hint = "Remove file_permissions, and set the file's mode to 600";
  const key = [...path, "file_permissions"];
  return { code: "insecure-file-permissions", severity: "warning", message, path: key, hint };
}
