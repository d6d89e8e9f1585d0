import { quoteName } from "../text.ts";
import type { AccessRequest } from "./decision.ts";
import { isBranchName, isTagName } from "./git-ref.ts";
import { isRepositoryName } from "./repository-name.ts";

/**
 * Says why a request cannot be decided, or nothing if it can. Requests come from programs without types too, so
 * nothing about their shape is taken for granted.
 */
export function findRequestProblem(request: AccessRequest): string | undefined {
  const fields = toFields(request);
  if (fields === undefined) return "The request is not an object";
  return findRepositoryProblem("Repository", fields["repository"]) ?? findRefProblem(fields["ref"]);
}

function findRefProblem(ref: unknown): string | undefined {
  if (ref === undefined) return undefined;
  const fields = toFields(ref);
  switch (fields?.["type"]) {
    case "branch":
      return findBranchProblem(fields["name"]);
    case "tag":
      return findTagProblem(fields["name"]);
    case "pull-request":
      return findPullRequestProblem(fields);
    default:
      return "The ref is neither a branch, a tag nor a pull request";
  }
}

function findBranchProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return "The branch has no name";
  if (name.startsWith("refs/heads/")) return `Branch ${quoteName(name)} must be given without refs/heads/`;
  return isBranchName(name) ? undefined : `Branch ${quoteName(name)} is not a name that git accepts`;
}

function findTagProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return "The tag has no name";
  return isTagName(name) ? undefined : `Tag ${quoteName(name)} is not a name that git accepts`;
}

function findPullRequestProblem(fields: Fields): string | undefined {
  const { number } = fields;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) {
    return "The number of a pull request is a positive integer";
  }
  const head = toFields(fields["head"]);
  if (head === undefined) return "The pull request has no head";
  return findRepositoryProblem("Head repository", head["repository"]) ?? findBranchProblem(head["branch"]);
}

function findRepositoryProblem(subject: string, name: unknown): string | undefined {
  if (typeof name !== "string") return `${subject} has no name`;
  return isRepositoryName(name)
    ? undefined
    : `${subject} ${quoteName(name)} is not a full name like owner/name`;
}

type Fields = Readonly<Record<string, unknown>>;

function toFields(value: unknown): Fields | undefined {
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
