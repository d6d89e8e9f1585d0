import { isObject, type Members } from "../../core/own-member.ts";
import type { Problem } from "../text/diagnostic.ts";
import { type KeyPath, type LinkedPath, toKeyPath, toPathId } from "../text/key-path.ts";
import { hasUserInfo, holdsSecret, looksLikeSecretValue, quoteKey } from "../text/secret-forms.ts";
import {
  adviseSource,
  isCredentialName,
  isCredentialVariable,
  type MisplacedCredential,
} from "./credential-advice.ts";

/** Reports a credential in the file by the name of its key, with the source to use instead. */
export function inlineSecret(path: KeyPath, about: MisplacedCredential): Problem {
  const message =
    about.name === undefined
      ? "The file holds a credential, which everyone who can read the file has"
      : `${quoteKey(about.name)} holds a credential, which everyone who can read the file has`;
  return { code: "inline-secret", severity: "error", message, path, hint: adviseSource(about) };
}

/** Keys whose values are names of variables. */
const NAME_KEYS: ReadonlySet<unknown> = new Set(["vars", "env_var", "token_env", "secret_id_env"]);

/**
 * Finds credentials among the values of a table: values under names of credentials, texts in the form of a
 * credential, URLs with a user or a password, and values in place of variables' names.
 *
 * @param skipped - keys that are not searched
 */
export function findInlineSecrets(
  table: Members,
  path: KeyPath,
  about: MisplacedCredential,
  skipped: ReadonlySet<string> = new Set(),
): Problem[] {
  return findTexts(table, skipped, isCredentialText).map(({ at, name }) => {
    const isTelling = at?.step === name && name !== undefined && isCredentialName(name);
    return inlineSecret([...path, ...toKeyPath(at)], isTelling ? { ...about, name } : about);
  });
}

/**
 * Whether a text holds a credential.
 *
 * @param name - the nearest key
 * @param isOfKey - whether it is the value of this key, and not of a list below it
 */
export function isCredentialText(value: string, name: string | undefined, isOfKey: boolean): boolean {
  if (isOfKey && isCredentialVariable(name ?? "") && !isReference(value)) return true;
  return (NAME_KEYS.has(name) ? looksLikeSecretValue(value) : holdsSecret(value)) || hasUserInfo(value);
}

/** Whether a text is empty or names a variable, instead of holding a value. */
export function isReference(text: string): boolean {
  return /^(?:\$(?:\{[^}]*\}|[A-Za-z_][A-Za-z0-9_]*))?$/u.test(text);
}

/** Finds keys that only a credential has, in a table with keys of others. */
export function findCredentialKeys(table: Members, path: KeyPath): Problem[] {
  return Object.entries(table)
    .filter(([key, value]) => isCredentialVariable(key) && typeof value === "string")
    .map(([key]) => inlineSecret([...path, key], { name: key }));
}

/**
 * Leaves out other problems of a value that is a credential, because it must be removed anyway. A key is not
 * reported as missing from a table that has a credential in its place.
 */
export function preferInlineSecrets(problems: readonly Problem[]): readonly Problem[] {
  const secrets = new Map(
    problems.filter(isInlineSecret).map((problem) => [toPathId(problem.path), problem]),
  );
  if (secrets.size === 0) return problems;
  const tables = new Set([...secrets.values()].map(({ path }) => toPathId(path.slice(0, -1))));
  return problems.filter((problem) => {
    const id = toPathId(problem.path);
    if (isInlineSecret(problem)) return secrets.get(id) === problem;
    if (problem.code === "missing-key") return !tables.has(toPathId(problem.path.slice(0, -1)));
    return !secrets.has(id);
  });
}

function isInlineSecret({ code }: Problem): boolean {
  return code === "inline-secret";
}

/** A value on the way through a table. */
interface Visited {
  readonly value: unknown;
  /** Where it is. */
  readonly at?: LinkedPath | undefined;
  /** The nearest key. */
  readonly name?: string | undefined;
}

/** Finds texts of a value without recursion, since arrays may nest deep. */
function findTexts(
  root: unknown,
  skipped: ReadonlySet<string>,
  isSought: (value: string, name: string | undefined, isOfKey: boolean) => boolean,
): Visited[] {
  const texts: Visited[] = [];
  const waiting: Visited[] = [{ value: root, at: undefined, name: undefined }];
  for (let visited = waiting.pop(); visited !== undefined; visited = waiting.pop()) {
    const { value, at: parent, name } = visited;
    if (Array.isArray(value)) {
      for (let step = 0; step < value.length; step++) {
        const element: unknown = value[step];
        if (isObject(element)) waiting.push({ value: element, at: { step, parent }, name });
        else if (typeof element === "string" && isSought(element, name, false))
          texts.push({ value: element, at: { step, parent }, name });
      }
    } else if (isObject(value)) {
      for (const step of Object.keys(value)) {
        if (skipped.has(step)) continue;
        const member = value[step];
        if (isObject(member)) waiting.push({ value: member, at: { step, parent }, name: step });
        else if (typeof member === "string" && isSought(member, step, true))
          texts.push({ value: member, at: { step, parent }, name: step });
      }
    }
  }
  return texts;
}
