/** What the name of a pin is made from. Except for the repository, anybody may have chosen these texts. */
export interface PinFacts {
  readonly repository: string;
  /** A branch is written as its name, a tag as `tag=<name>`. */
  readonly ref: { readonly type: "branch" | "tag"; readonly name: string };
  readonly job: string;
  /** What follows the hash of the store path. */
  readonly name: string;
}

const PLACEHOLDER = /\{([^{}]*)\}/gu;
const NAMES: ReadonlySet<string> = new Set(["repository", "ref", "job", "name"]);

/** Longest template, in characters. */
const MAX_LENGTH = 200;

/**
 * What is wrong with a template for the names of pins. Different facts must give different names. Otherwise
 * one repository or job could take the pin of another. So two placeholders must have a character between them
 * that no value contains; `=` only marks a tag.
 */
export function findPinProblem(template: string): string | undefined {
  if (template.length > MAX_LENGTH || !/^[A-Za-z0-9{][\x21-\x7e]*$/u.test(template))
    return `it has 1 to ${MAX_LENGTH} printable characters without spaces, and begins with a letter, a digit or a placeholder`;
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name = ""]) => name);
  if (/[{}]/u.test(template.replaceAll(PLACEHOLDER, ""))) return "a brace has no matching one";
  if (names.some((name) => !NAMES.has(name)) || new Set(names).size < names.length)
    return "its placeholders are {repository}, {ref}, {job} and {name}, each once";
  if (!names.includes("name"))
    return "it lacks {name}: the paths of a request would replace each other's pin";
  const between = template.split(PLACEHOLDER).filter((_part, index) => index % 2 === 0);
  const isJoined = between.slice(1, -1).some((part) => !/[^A-Za-z0-9._/~=-]/u.test(part));
  return isJoined ? "it needs a : between two placeholders" : undefined;
}

/**
 * The name of a pin, which never begins with a hyphen. Of values, letters, digits and `. _ / -` stay as they
 * are; every other byte becomes `~` and two digits.
 */
export function toPinName(template: string, facts: PinFacts): string {
  const { repository, ref, job } = facts;
  const values = new Map([
    ["repository", encode(repository)],
    ["ref", `${ref.type === "tag" ? "tag=" : ""}${encode(ref.name)}`],
    ["job", encode(job)],
    ["name", encode(facts.name)],
  ]);
  const name = template.replaceAll(PLACEHOLDER, (_all, placeholder: string) => values.get(placeholder) ?? "");
  // Prevents names that a tool would read as an option.
  return name.replace(/^-/u, "~2d");
}

function encode(value: string): string {
  return [...Buffer.from(value, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._/-]/u.test(character) ? character : `~${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}
