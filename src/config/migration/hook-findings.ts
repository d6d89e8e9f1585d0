import { isCredentialName } from "../credential-advice.ts";
import type { Problem } from "../diagnostic.ts";
import type { KeyPath } from "../key-path.ts";
import { hasUserInfo, holdsSecret, quoteKey } from "../literal-secret.ts";
import type { Hook } from "./find-hooks.ts";
import { splitShellScript } from "./shell-words.ts";

/** Finds credentials that stand in a hook, by name and never by value. */
export function findHardCodedCredentials(hook: Hook): readonly Problem[] {
  const variables = [...hook.environment].filter(
    ([name, value]) =>
      isLiteral(value) && (isCredentialName(name) || holdsSecret(value) || hasUserInfo(value)),
  );
  return [
    ...variables.map(([name]) => hardCoded(quoteKey(name), [...hook.path, "env", name], "key")),
    ...findInCommand(hook),
  ];
}

function findInCommand({ command, path }: Hook): readonly Problem[] {
  const isScript = typeof command === "string";
  const words = isScript ? (splitShellScript(command)?.flat() ?? command.split(/\s+/u)) : (command ?? []);
  return words.flatMap((word, index) => {
    const at = isScript ? [...path, "command"] : [...path, "command", index];
    return findInWord(word, words[index - 1]).map((subject) => hardCoded(subject, at, "value"));
  });
}

/** What a word of a command holds: `NAME=value`, the value of an option, a credential by its form. */
function findInWord(word: string, before: string | undefined): readonly string[] {
  const assigned = [...word.matchAll(/([A-Za-z_][A-Za-z0-9_]*)=(?!["']?\$)["']?[^\s"']/gu)]
    .map(([, name = ""]) => name)
    .filter(isCredentialName);
  if (assigned.length > 0) return assigned.map(quoteKey);
  const option = before?.replace(/^-+/u, "") ?? "";
  const isOptionValue = before === "authtoken" || (option !== before && isCredentialName(option));
  if (isOptionValue && isLiteral(word)) return [`The value of ${quoteKey(before)}`];
  return holdsSecret(word) || hasUserInfo(word) ? ["A credential in the command"] : [];
}

function isLiteral(value: string): boolean {
  return value !== "" && !/^\$(?:\{[^}]*\}|[A-Za-z_][A-Za-z0-9_]*)$/u.test(value);
}

function hardCoded(subject: string, path: KeyPath, part: Problem["part"]): Problem {
  return {
    code: "hard-coded-credential",
    severity: "error",
    message: `${subject} is hard-coded, and all who can read the repository have it`,
    path,
    part,
    hint: "Rotate it at its issuer, since the repository's history keeps it; then give the new one to the server alone",
  };
}

/** Says that a hook has no counterpart. */
export function untranslatable(path: KeyPath, reason: string): Problem {
  return {
    code: "untranslatable-command",
    severity: "error",
    message: `This hook has no counterpart: ${reason}`,
    path: [...path, "command"],
    part: "key",
    hint: "Hooks never run; have the operator define a cache for what it pushed to, or run it outside of the CI server",
  };
}

/** Says what the operator has to complete. */
export function incomplete(path: KeyPath, message: string, hint?: string): Problem {
  return { code: "incomplete-migration", severity: "warning", message, path, part: "key", hint };
}
