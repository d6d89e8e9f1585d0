import { deepFreeze } from "../core/freeze.ts";
import { readMember, toMembers } from "../core/own-member.ts";
import type { GitRef } from "../policy/git-ref.ts";
import { ReadRequest, readAccess } from "../policy/read-request.ts";
import type { PushRequest } from "./push-types.ts";

/** Everything a push request says. */
interface PushFacts {
  readonly problem: string | undefined;
  readonly repository: string;
  readonly ref: GitRef | undefined;
  readonly job: string;
  readonly caches: readonly string[];
  readonly storePaths: readonly string[];
  readonly drvPath: string | undefined;
  readonly commit: string | undefined;
  readonly pushId: string | undefined;
}

/** A push request as it was read at the door; nobody can change it. Cache ids and paths are there once each. */
export class ReadPushRequest extends ReadRequest implements PushRequest {
  readonly #isReadPush = true;
  readonly job: string;
  readonly caches: readonly string[];
  readonly storePaths: readonly string[];
  readonly drvPath: string | undefined;
  readonly commit: string | undefined;
  readonly pushId: string | undefined;

  constructor(facts: PushFacts) {
    super(facts);
    this.job = facts.job;
    this.caches = facts.caches;
    this.storePaths = facts.storePaths;
    this.drvPath = facts.drvPath;
    this.commit = facts.commit;
    this.pushId = facts.pushId;
    deepFreeze(this);
  }

  /** Whether a value was made here; a copy that shares its prototype was not. */
  static isRead(value: unknown): value is ReadPushRequest {
    return typeof value === "object" && value !== null && #isReadPush in value;
  }

  /** The same request with some of its members replaced. */
  with(changes: Partial<Pick<PushFacts, "caches" | "storePaths" | "pushId">>): ReadPushRequest {
    const { problem, repository, ref, job, caches, storePaths, drvPath, commit, pushId } = this;
    return new ReadPushRequest({
      ...{ problem, repository, ref, job, caches, storePaths, drvPath, commit, pushId },
      ...changes,
    });
  }
}

/**
 * Reads a push request once, at the door of `plan`, `push`, `pushTogether` and `enqueue`, so that what is decided, recorded and
 * pushed is the same, whatever the caller or a listener does with its own object.
 *
 * @param caches - the caches to read in place of the request's own
 * @throws TypeError where `caches` is no list, since there is nothing to report on
 */
export function readPushRequest(asked: unknown, caches?: readonly string[]): ReadPushRequest {
  if (ReadPushRequest.isRead(asked)) return caches === undefined ? asked : asked.with({ caches });
  const cacheIds = caches ?? readCaches(asked);
  return new ReadPushRequest({ ...readFacts(asked), caches: cacheIds });
}

function readFacts(asked: unknown): Omit<PushFacts, "caches"> {
  const access = readAccess(asked);
  try {
    const [job, storePaths, drvPath, commit, pushId] = [
      ...["job", "storePaths", "drvPath", "commit", "pushId"].map((name) =>
        readMember(toMembers(asked), name),
      ),
    ];
    return {
      ...access,
      problem: access.problem ?? (typeof job === "string" ? undefined : "The job has no name"),
      job: toText(job) ?? "",
      storePaths: readPaths(storePaths),
      drvPath: toText(drvPath),
      commit: toText(commit),
      pushId: isPushId(pushId) ? pushId : undefined,
    };
  } catch {
    const nothing = { job: "", storePaths: [], drvPath: undefined, commit: undefined, pushId: undefined };
    return { ...access, ...nothing, problem: access.problem ?? "The request cannot be read" };
  }
}

function readCaches(asked: unknown): readonly string[] {
  const { caches } = toMembers(asked);
  if (Array.isArray(caches)) return [...new Set(Array.from(caches, readCacheId))];
  throw new TypeError("The caches of a request are a list of ids");
}

/** An id is a text; what is none is named by its kind, which is the id of no cache. */
export function readCacheId(id: unknown): string {
  return typeof id === "string" ? id : `<${id === null ? "null" : typeof id}>`;
}

/** What is no text is a path that no store has. */
function readPaths(storePaths: unknown): readonly string[] {
  if (!Array.isArray(storePaths)) return [];
  return [
    ...new Set(Array.from(storePaths, (path) => (typeof path === "string" ? path : `<${typeof path}>`))),
  ];
}

function toText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Whether a text may join a report with its events: 1 to 128 letters, digits and hyphens. */
export function isPushId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9-]{1,128}$/u.test(value);
}
