import { isCredentialName } from "../config/schema/credential-advice.ts";
import { findInlineSecrets, isReference } from "../config/schema/misplaced-secrets.ts";
import type { Problem } from "../config/text/diagnostic.ts";
import { type KeyPath, toPathId } from "../config/text/key-path.ts";
import { quoteKey } from "../config/text/secret-forms.ts";
import type { Members } from "../core/own-member.ts";
import type { Hook } from "./find-hooks.ts";
import { splitShellScript } from "./shell-words.ts";

/**
 * Finds credentials anywhere in a file, by name and never by value. A credential in a hook is removed with it
 * and must still be rotated. One elsewhere stays in the file.
 */
export function findHardCodedCredentials(root: Members, hooks: readonly Hook[]): readonly Problem[] {
  const named = hooks.flatMap((hook) => [...findInVariables(hook), ...findInCommand(hook)]);
  const places = new Set(named.map(({ path }) => toPathId(path)));
  const formed = findInlineSecrets(root, [], {}).map(({ path }) =>
    hardCoded(`A credential in ${quoteKey(path.findLast((key) => typeof key === "string"))}`, path, "value"),
  );
  return [...named, ...formed.filter(({ path }) => !places.has(toPathId(path)))];
}

function findInVariables({ environment, path }: Hook): readonly Problem[] {
  return [...environment]
    .filter(([name, value]) => !isReference(value) && isCredentialName(name))
    .map(([name]) => hardCoded(quoteKey(name), [...path, "env", name], "key"));
}

function findInCommand({ command, path }: Hook): readonly Problem[] {
  const isScript = typeof command === "string";
  const words = isScript ? (splitShellScript(command)?.flat() ?? command.split(/\s+/u)) : (command ?? []);
  return words.flatMap((word, index) => {
    const at = isScript ? [...path, "command"] : [...path, "command", index];
    return findInWord(word, words.slice(Math.max(index - 4, 0), index)).map((subject) =>
      hardCoded(subject, at, "value"),
    );
  });
}

/** The parts of a word: `NAME=value`, the value of an option, the token of a login. */
function findInWord(word: string, before: readonly string[]): readonly string[] {
  const assigned = [...word.matchAll(/(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)=(?!["']?\$)["']?[^\s"']/gu)]
    .map(([, name = ""]) => name)
    .filter(isCredentialName);
  if (assigned.length > 0) return assigned.map(quoteKey);
  const previous = before.at(-1) ?? "";
  const option = previous.replace(/^-+/u, "");
  // cachix authtoken TOKEN, attic login NAME ENDPOINT TOKEN
  const isLogin =
    previous === "authtoken" || (before.at(-3) === "login" && before.at(-4)?.endsWith("attic") === true);
  const isValue = isLogin || (option !== previous && isCredentialName(option));
  return isValue && !isReference(word) ? [`What follows ${isLogin ? "the login" : quoteKey(previous)}`] : [];
}

function hardCoded(subject: string, path: KeyPath, part: Problem["part"]): Problem {
  return {
    code: "hard-coded-credential",
    severity: "error",
    message: `${subject} is hard-coded, and everyone who can read the repository has it`,
    path,
    part,
    hint: "Rotate it at its issuer, because the repository's history keeps it; then give the new one only to the server",
  };
}

/** Reports that no cache can replace a hook. */
export function untranslatable(path: KeyPath, reason: string): Problem {
  return {
    code: "untranslatable-command",
    severity: "error",
    message: `No cache can replace this hook: ${reason}`,
    path: [...path, "command"],
    part: "key",
    hint: "Hooks never run; let the operator define a cache for it, or run it outside of the CI server",
  };
}

/** Reports what the operator must complete. */
export function incomplete(path: KeyPath, message: string, hint?: string): Problem {
  return { code: "incomplete-migration", severity: "warning", message, path, part: "key", hint };
}
