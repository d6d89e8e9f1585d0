import { type Members, readMember } from "../core/own-member.ts";
import type { EventFacts } from "./forge-event.ts";
import {
  compareRepositories,
  isNothing,
  readAction,
  readCommit,
  readObject,
  readOptionalObject,
  readPositive,
  readRepositoryName,
  readText,
  refuse,
  toNamedRef,
  toPullRequest,
  toRef,
} from "./forge-payload.ts";

/**
 * Reads an event of Gitea or Forgejo.
 *
 * @see https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks/
 */
export function readGiteaEvent(event: string, payload: Members): EventFacts | undefined {
  switch (event) {
    case "push":
      return readPush(payload);
    case "create":
    case "delete":
      return readNamed(event, payload);
    case "pull_request":
    case "pull_request_sync":
      return readPullRequest(payload);
    default:
      return undefined;
  }
}

function readPush(payload: Members): EventFacts | undefined {
  const repository = readRepositoryName(readObject(payload, "repository"), "full_name");
  const after = readCommit(payload, "after");
  const isDeleted = isNothing(after);
  const ref = toRef(readText(payload, "ref"));
  if (ref === undefined) return undefined;
  if (isDeleted) return { kind: "push", repository, ref, isDeleted };
  const head = readOptionalObject(payload, "head_commit");
  // For a tag, `after` may be the tag itself; only the head has the commit.
  const commit = head === null ? (ref.type === "branch" ? after : undefined) : readCommit(head, "id");
  if (ref.type === "branch" && commit !== after) throw refuse("after and head_commit do not agree");
  return { kind: "push", repository, ref, commit, isDeleted };
}

function readNamed(kind: "create" | "delete", payload: Members): EventFacts | undefined {
  const repository = readRepositoryName(readObject(payload, "repository"), "full_name");
  // The two events differ only in this; the header that distinguishes them is not signed. Only GitHub sends
  // `master_branch`.
  if (Object.hasOwn(payload, "sha") !== (kind === "create") || Object.hasOwn(payload, "master_branch"))
    throw refuse(`it is not a ${kind} event`);
  const ref = toNamedRef(readText(payload, "ref_type"), readText(payload, "ref"));
  if (ref === undefined) return undefined;
  const isDeleted = kind === "delete";
  // The meaning of `sha` for a tag is not documented.
  const commit = isDeleted || ref.type === "tag" ? undefined : readCommit(payload, "sha");
  return { kind, repository, ref, commit, isDeleted };
}

function readPullRequest(payload: Members): EventFacts {
  const pull = readObject(payload, "pull_request");
  const number = readPositive(payload, "number");
  if (readPositive(pull, "number") !== number) throw refuse("it has two numbers");
  const [head, base] = [readObject(pull, "head"), readObject(pull, "base")];
  const target = toRepository(readObject(base, "repo"));
  if (toRepository(readObject(payload, "repository")).id !== target.id)
    throw refuse("the base is another repository");
  const branch = readText(head, "ref");
  return {
    kind: "pull-request",
    repository: target.name,
    ref: toPullRequest(number, findHead(head, branch, target), branch),
    commit: readCommit(head, "sha"),
    isDeleted: false,
    action: readAction(payload),
  };
}

/**
 * The repository of a head. Everyone who may read a repository can open a pull request by pushing to
 * `refs/for/…`, without a branch. The event then names the repository itself as that of the head. In this
 * case its ref is not a branch, nor is it for a deleted branch; both count as a fork.
 */
function findHead(head: Members, branch: string, target: { readonly id: number; readonly name: string }) {
  const source = readOptionalObject(head, "repo");
  const isBranch = !branch.startsWith("refs/") && readMember(head, "label") === branch;
  if (source === null || !isBranch) return null;
  const repository = toRepository(source);
  if (readPositive(head, "repo_id") !== repository.id) throw refuse("the head has two repositories");
  return compareRepositories(repository, target);
}

function toRepository(repository: Members) {
  return { id: readPositive(repository, "id"), name: readRepositoryName(repository, "full_name") };
}
