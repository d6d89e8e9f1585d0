import { isObject, type Members, readMember } from "../own-member.ts";
import { quoteName } from "../text.ts";
import type { AccessRequest } from "./decision.ts";
import { type GitRef, isBranchName, isTagName } from "./git-ref.ts";
import { isRepositoryName } from "./repository-name.ts";

/** A request that was understood, or why it was not. */
export type ReadRequest =
  | { readonly success: true; readonly request: AccessRequest }
  | { readonly success: false; readonly problem: string };

/**
 * Reads a request once, field by field, into a copy that nobody else holds. Requests come from programs without types too:
 * nothing about their shape is taken for granted, inherited fields do not count, and a getter is asked only once.
 */
export function readRequest(request: unknown): ReadRequest {
  try {
    const fields = toFields(request);
    if (fields === undefined) return fail("The request is not an object");
    const repository = readRepository("Repository", readMember(fields, "repository"));
    const ref = readRef(readMember(fields, "ref"));
    return { success: true, request: { repository, ref } };
  } catch (error) {
    return fail(error instanceof InvalidRequest ? error.message : "The request cannot be read");
  }
}

class InvalidRequest extends Error {}

function fail(problem: string): ReadRequest {
  return { success: false, problem };
}

function readRef(ref: unknown): GitRef | undefined {
  if (ref === undefined) return undefined;
  const fields = toFields(ref);
  const type = fields === undefined ? undefined : readMember(fields, "type");
  if (fields !== undefined && type === "branch")
    return { type, name: readBranch(readMember(fields, "name")) };
  if (fields !== undefined && type === "tag") return { type, name: readTag(readMember(fields, "name")) };
  if (fields !== undefined && type === "pull-request") return readPullRequest(fields);
  throw new InvalidRequest("The ref is neither a branch, a tag nor a pull request");
}

function readPullRequest(fields: Members): GitRef {
  const number = readMember(fields, "number");
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) {
    throw new InvalidRequest("The number of a pull request is a positive integer");
  }
  const head = toFields(readMember(fields, "head"));
  if (head === undefined) throw new InvalidRequest("The pull request has no head");
  const repository = readRepository("Head repository", readMember(head, "repository"));
  return {
    type: "pull-request",
    number,
    head: { repository, branch: readBranch(readMember(head, "branch")) },
  };
}

function readBranch(name: unknown): string {
  if (typeof name !== "string") throw new InvalidRequest("The branch has no name");
  if (name.startsWith("refs/heads/")) {
    throw new InvalidRequest(`Branch ${quoteName(name)} must be given without refs/heads/`);
  }
  if (!isBranchName(name))
    throw new InvalidRequest(`Branch ${quoteName(name)} is not a name that git accepts`);
  return name;
}

function readTag(name: unknown): string {
  if (typeof name !== "string") throw new InvalidRequest("The tag has no name");
  if (!isTagName(name)) throw new InvalidRequest(`Tag ${quoteName(name)} is not a name that git accepts`);
  return name;
}

function readRepository(subject: string, name: unknown): string {
  if (typeof name !== "string") throw new InvalidRequest(`${subject} has no name`);
  if (!isRepositoryName(name)) {
    throw new InvalidRequest(`${subject} ${quoteName(name)} is not a full name like owner/name`);
  }
  return name;
}

function toFields(value: unknown): Members | undefined {
  return isObject(value) ? value : undefined;
}
