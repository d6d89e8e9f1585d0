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
  toPullRequest,
  toRef,
} from "./forge-payload.ts";

/**
 * Reads an event of GitLab, of a project, a group or the whole system. The body identifies the event; the
 * header adds nothing.
 *
 * @see https://docs.gitlab.com/user/project/integrations/webhook_events/
 */
export function readGitlabEvent(_event: string, payload: Members): EventFacts | undefined {
  // Some events of the system, such as those of users and projects, have a name instead of a kind.
  const kind = readMember(payload, "object_kind") ?? readMember(payload, "event_name");
  switch (kind) {
    case "push":
      return readPush(payload, "branch");
    case "tag_push":
      return readPush(payload, "tag");
    case "merge_request":
      return readMergeRequest(payload);
    default:
      if (typeof kind !== "string") throw refuse("it has no kind");
      return undefined;
  }
}

function readPush(payload: Members, type: "branch" | "tag"): EventFacts {
  const repository = readRepositoryName(readObject(payload, "project"), "path_with_namespace");
  const after = readCommit(payload, "after");
  const ref = toRef(readText(payload, "ref"));
  if (ref?.type !== type) throw refuse("its ref is not of its kind");
  const isDeleted = isNothing(after);
  if (isDeleted) return { kind: "push", repository, ref, isDeleted };
  // For an annotated tag, `after` is the tag itself; its commit is checked out.
  const commit = readCommit(payload, "checkout_sha");
  if (ref.type === "branch" && commit !== after) throw refuse("after and checkout_sha do not agree");
  return { kind: "push", repository, ref, commit, isDeleted };
}

function readMergeRequest(payload: Members): EventFacts {
  const request = readObject(payload, "object_attributes");
  const target = {
    id: readPositive(request, "target_project_id"),
    name: readRepositoryName(readObject(request, "target"), "path_with_namespace"),
  };
  const branch = readText(request, "source_branch");
  return {
    kind: "pull-request",
    repository: target.name,
    ref: toPullRequest(readPositive(request, "iid"), findHead(request, target), branch),
    commit: readCommit(readObject(request, "last_commit"), "id"),
    isDeleted: false,
    action: readAction(request),
  };
}

/** The project of the source branch; nothing if it was deleted. */
function findHead(request: Members, target: { readonly id: number; readonly name: string }): string | null {
  const source = readOptionalObject(request, "source");
  const id = readMember(request, "source_project_id");
  if (source === null || id === null || id === undefined) return null;
  const name = readRepositoryName(source, "path_with_namespace");
  return compareRepositories({ id: readPositive(request, "source_project_id"), name }, target);
}
