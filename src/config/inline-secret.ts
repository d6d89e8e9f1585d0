import { isObject } from "../own-member.ts";
import { adviseSource, isCredentialVariable, type MisplacedCredential } from "./credential-advice.ts";
import type { Problem } from "./diagnostic.ts";
import { type KeyPath, type LinkedPath, toKeyPath } from "./key-path.ts";
import { hasUserInfo, holdsSecret, looksLikeSecretValue, quoteKey } from "./literal-secret.ts";

/** Says that a credential stands in the file, by the name of its key, and which source to use instead. */
export function inlineSecret(path: KeyPath, about: MisplacedCredential): Problem {
  const message =
    about.name === undefined
      ? "A credential stands in the file, where all who read it have it"
      : `${quoteKey(about.name)} holds a credential, and all who read the file have it`;
  return { code: "inline-secret", severity: "error", message, path, hint: adviseSource(about) };
}

/** Keys whose values are names of variables. */
const NAME_KEYS: ReadonlySet<unknown> = new Set(["vars", "env_var", "token_env"]);

/**
 * Finds credentials among the values of a cache: texts of a form that issuers give to credentials, URLs with a user or a
 * password, and values of variables where their names belong.
 */
export function findInlineSecrets(cache: Readonly<Record<string, unknown>>, path: KeyPath): Problem[] {
  const { cache_type: cacheType, destination } = cache;
  const about = { cacheType, destination };
  return [...visitTexts(cache)]
    .filter(isCredential)
    .map((found) => inlineSecret([...path, ...toKeyPath(found.at)], about));
}

function isCredential({ value, name }: Visited & { readonly value: string }): boolean {
  return (NAME_KEYS.has(name) ? looksLikeSecretValue(value) : holdsSecret(value)) || hasUserInfo(value);
}

/** Finds keys that only a credential has, in a table whose further keys are not ours. */
export function findCredentialKeys(table: Readonly<Record<string, unknown>>, path: KeyPath): Problem[] {
  return Object.entries(table)
    .filter(([key, value]) => isCredentialVariable(key) && typeof value === "string")
    .map(([key]) => inlineSecret([...path, key], { name: key }));
}

/** Leaves out what else is wrong with a value that is a credential: it has no place there, right or wrong. */
export function preferInlineSecrets(problems: readonly Problem[]): readonly Problem[] {
  const secrets = new Set(problems.filter(isInlineSecret).map(({ path }) => JSON.stringify(path)));
  if (secrets.size === 0) return problems;
  return problems.filter((problem) => isInlineSecret(problem) || !secrets.has(JSON.stringify(problem.path)));
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

/** Visits the texts of a value without recursion, since arrays may nest deep. */
function* visitTexts(root: unknown): Generator<Visited & { readonly value: string }> {
  const waiting: Visited[] = [{ value: root }];
  for (let visited = waiting.pop(); visited !== undefined; visited = waiting.pop()) {
    const { value, at: parent, name } = visited;
    if (typeof value === "string") yield { ...visited, value };
    else if (Array.isArray(value))
      for (const [step, inner] of value.entries()) waiting.push({ value: inner, at: { step, parent }, name });
    else if (isObject(value))
      for (const [step, inner] of Object.entries(value))
        waiting.push({ value: inner, at: { step, parent }, name: step });
  }
}
