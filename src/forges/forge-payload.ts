import { ForgeError } from "../core/errors.ts";
import { isRecord, type Members, readMember } from "../core/own-member.ts";
import { parseStrictJson } from "../core/strict-json.ts";
import { type GitRef, isBranchName, isTagName } from "../policy/git-ref.ts";
import { isRepositoryName } from "../policy/repository-name.ts";

/** The event lacks what this kind of event has. */
export function refuse(what: string): ForgeError {
  const hint = "check that the webhook sends application/json; if it does, report the forge's version";
  return new ForgeError("ERR_FORGE_EVENT_INVALID", `The event is not valid: ${what}; ${hint}`);
}

/** The body of an event. */
export function readPayload(body: Uint8Array): Members {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw refuse("its body is not UTF-8");
  }
  const payload = parseStrictJson(text);
  if (!isRecord(payload)) throw refuse("its body is not a JSON object without duplicate members");
  return payload;
}

/** A member that is an object. */
export function readObject(parent: Members, name: string): Members {
  const value = readMember(parent, name);
  if (!isRecord(value)) throw refuse(`${name} is not an object`);
  return value;
}

/** A member that is an object, or `null`. */
export function readOptionalObject(parent: Members, name: string): Members | null {
  const value = readMember(parent, name);
  return value === null || value === undefined ? null : readObject(parent, name);
}

/** A member that is a text. */
export function readText(parent: Members, name: string): string {
  const value = readMember(parent, name);
  if (typeof value !== "string") throw refuse(`${name} is not a text`);
  return value;
}

/** A member that is a positive integer. */
export function readPositive(parent: Members, name: string): number {
  const value = readMember(parent, name);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1)
    throw refuse(`${name} is not a positive integer`);
  return value;
}

/** The full name of a repository. */
export function readRepositoryName(parent: Members, name: string): string {
  const value = readText(parent, name);
  if (!isRepositoryName(value)) throw refuse(`${name} is not the full name of a repository`);
  return value;
}

/** A commit, or whatever else an id stands for. */
export function readCommit(parent: Members, name: string): string {
  const value = readText(parent, name);
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(value)) throw refuse(`${name} is not the id of a commit`);
  return value;
}

/** Whether an id is all zeros: the ref was deleted, or is new. */
export function isNothing(id: string): boolean {
  return /^0+$/u.test(id);
}

/** The forge's word for what happened. */
export function readAction(parent: Members): string | undefined {
  const value = readMember(parent, "action");
  return typeof value === "string" && /^[a-z_]{1,40}$/u.test(value) ? value : undefined;
}

/** A branch by its name without `refs/heads/`. */
export function toBranch(name: string): GitRef {
  if (name.startsWith("refs/heads/") || !isBranchName(name))
    throw refuse("a branch has a name that git refuses");
  return { type: "branch", name };
}

/** A tag by its name without `refs/tags/`. */
export function toTag(name: string): GitRef {
  if (!isTagName(name)) throw refuse("a tag has a name that git refuses");
  return { type: "tag", name };
}

/** A ref by its full name; nothing if it is neither a branch nor a tag, such as `refs/notes/…`. */
export function toRef(fullName: string): GitRef | undefined {
  if (!fullName.startsWith("refs/")) throw refuse("its ref does not begin with refs/");
  if (fullName.startsWith("refs/heads/")) return toBranch(fullName.slice("refs/heads/".length));
  if (fullName.startsWith("refs/tags/")) return toTag(fullName.slice("refs/tags/".length));
  return undefined;
}

/** A ref by its short name and type; nothing if it is not a ref, such as a repository. */
export function toNamedRef(type: string, name: string): GitRef | undefined {
  switch (type) {
    case "branch":
      return toBranch(name);
    case "tag":
      return toTag(name);
    case "repository":
      return undefined;
    default:
      throw refuse("ref_type is not known");
  }
}

/**
 * A pull request.
 *
 * @param repository - the repository of the proposed commits; `null` if it was deleted
 */
export function toPullRequest(number: number, repository: string | null, branch: string): GitRef {
  toBranch(branch);
  return { type: "pull-request", number, head: { repository, branch } };
}

/** A repository, by its number and its name. */
export interface NamedRepository {
  readonly id: number;
  readonly name: string;
}

/**
 * The repository of a head, compared with the target. Number and name must agree on whether they are the
 * same, so a fork never counts as a branch.
 */
export function compareRepositories(head: NamedRepository, base: NamedRepository): string {
  const hasSameName = head.name.toLowerCase() === base.name.toLowerCase();
  if ((head.id === base.id) !== hasSameName)
    throw refuse("head and base are the same repository by number or name, but not by both");
  return hasSameName ? base.name : head.name;
}
