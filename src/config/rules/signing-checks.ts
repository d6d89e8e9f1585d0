import type { Members } from "../../core/own-member.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";

/** What is signed must match what is required. */
export function checkSigning(table: Members, parent: KeyPath): readonly Problem[] {
  const { signing_key: key, upload, require_signature: required, trusted_public_keys: trusted } = table;
  const problems: Problem[] = [];
  if (key !== undefined && upload === "nix") {
    const message = 'Signing does not work with upload = "nix", because the key stays in this process';
    const path = [...parent, "signing_key"];
    const hint = "Remove upload, or sign when building";
    problems.push({ code: "invalid-value", severity: "error", message, path, part: "key", hint });
  }
  if (typeof required !== "string" || !Array.isArray(trusted)) return problems;
  if (trusted.some((text) => typeof text === "string" && text.startsWith(`${required}:`))) return problems;
  const message = "None of trusted_public_keys has this name, so no signature could count";
  const path = [...parent, "require_signature"];
  problems.push({
    code: "invalid-value",
    severity: "error",
    message,
    path,
    hint: "Add the key, or name another",
  });
  return problems;
}
