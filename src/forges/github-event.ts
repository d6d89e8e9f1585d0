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
 * Reads an event of GitHub.
 *
 * @see https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */
export function readGithubEvent(event: string, payload: Members): EventFacts | undefined {
  switch (event) {
    case "push":
      return readPush(payload);
    case "create":
    case "delete":
      return readNamed(event, payload);
    case "pull_request":
      return readPullRequest(payload);
    case "merge_group":
      return readMergeGroup(payload);
    default:
      return undefined;
  }
}

function readPush(payload: Members): EventFacts | undefined {
  const repository = readRepositoryName(readObject(payload, "repository"), "full_name");
  const after = readCommit(payload, "after");
  const isDeleted = isNothing(after);
  if (readMember(payload, "deleted") !== isDeleted) throw refuse("deleted and after do not agree");
  const ref = toRef(readText(payload, "ref"));
  if (ref === undefined) return undefined;
  if (isDeleted) return { kind: "push", repository, ref, isDeleted };
  // An annotated tag is its own object; the head is its commit.
  const commit = readCommit(readObject(payload, "head_commit"), "id");
  if (ref.type === "branch" && commit !== after) throw refuse("after and head_commit do not agree");
  return { kind: "push", repository, ref, commit, isDeleted };
}

function readNamed(kind: "create" | "delete", payload: Members): EventFacts | undefined {
  const repository = readRepositoryName(readObject(payload, "repository"), "full_name");
  // The two events differ only in this; the header that distinguishes them is not signed. Only other forges
  // send `sha`.
  if (Object.hasOwn(payload, "master_branch") !== (kind === "create") || Object.hasOwn(payload, "sha"))
    throw refuse(`it is not a ${kind} event`);
  const type = readText(payload, "ref_type");
  const name = readMember(payload, "ref");
  const ref = toNamedRef(type, typeof name === "string" ? name : "");
  return ref === undefined ? undefined : { kind, repository, ref, isDeleted: kind === "delete" };
}

function readPullRequest(payload: Members): EventFacts {
  const pull = readObject(payload, "pull_request");
  const number = readPositive(payload, "number");
  if (readPositive(pull, "number") !== number) throw refuse("it has two numbers");
  const [head, base] = [readObject(pull, "head"), readObject(pull, "base")];
  const target = toRepository(readObject(base, "repo"));
  if (toRepository(readObject(payload, "repository")).id !== target.id)
    throw refuse("the base is another repository");
  const source = readOptionalObject(head, "repo");
  const branch = readText(head, "ref");
  // Gitea and Forgejo also send GitHub's signature, and use some of these members differently.
  if (source !== null && !readText(head, "label").endsWith(`:${branch}`))
    throw refuse("its head is not one of GitHub");
  const headRepository = source === null ? null : compareRepositories(toRepository(source), target);
  return {
    kind: "pull-request",
    repository: target.name,
    ref: toPullRequest(number, headRepository, branch),
    commit: readCommit(head, "sha"),
    isDeleted: false,
    action: readAction(payload),
  };
}

function toRepository(repository: Members) {
  return { id: readPositive(repository, "id"), name: readRepositoryName(repository, "full_name") };
}

function readMergeGroup(payload: Members): EventFacts | undefined {
  const repository = readRepositoryName(readObject(payload, "repository"), "full_name");
  const group = readObject(payload, "merge_group");
  const action = readAction(payload);
  const ref = toRef(readText(group, "head_ref"));
  if (ref === undefined) throw refuse("the merge queue has no branch");
  const isDeleted = action === "destroyed";
  const commit = isDeleted ? undefined : readCommit(group, "head_sha");
  return { kind: "merge-queue", repository, ref, commit, isDeleted, action };
}
