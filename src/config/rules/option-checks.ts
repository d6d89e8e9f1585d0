import { isRecord, type Members } from "../../core/own-member.ts";
import { isMisplaced } from "../schema/credential-advice.ts";
import { inlineSecret } from "../schema/misplaced-secrets.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";

/**
 * Finds credentials in the options of a custom cache type by the names of keys. The content of the table is
 * not known here, but a credential belongs in a source.
 */
export function checkOptionSecrets({ options }: Members, parent: KeyPath): readonly Problem[] {
  return isRecord(options) ? findSecrets(options, [...parent, "options"]) : [];
}

function findSecrets(table: Members, path: KeyPath): Problem[] {
  return Object.entries(table).flatMap(([key, value]) => {
    const at = [...path, key];
    if (isRecord(value)) return findSecrets(value, at);
    return isMisplaced(key, value, false) && value !== "" ? [inlineSecret(at, { name: key })] : [];
  });
}
