import { deepFreeze } from "../core/freeze.ts";
import { readMember, toMembers } from "../core/own-member.ts";
import type { GitRef } from "../policy/git-ref.ts";
import { readCacheId } from "../policy/read-cache-id.ts";
import { ReadRequest, readAccess } from "../policy/read-request.ts";
import type { PushRequest } from "./push-types.ts";

/** All members of a push request. */
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
  readonly traceparent: string | undefined;
  /** Id of the cache that has the paths; absent if the host's Nix store has them. */
  readonly from: string | undefined;
  readonly delivery: DeliveryAttempt | undefined;
}

/** Which attempt of which delivery of a queue a push is. */
export interface DeliveryAttempt {
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
}

/**
 * A push request after it was read. It is immutable, and has no duplicate cache ids or paths.
 */
export class ReadPushRequest extends ReadRequest implements PushRequest {
  readonly #isReadPush = true;
  readonly job: string;
  readonly caches: readonly string[];
  readonly storePaths: readonly string[];
  readonly drvPath: string | undefined;
  readonly commit: string | undefined;
  readonly pushId: string | undefined;
  readonly traceparent: string | undefined;
  /** Id of the cache that the paths are promoted from; a push request cannot set it. */
  readonly from: string | undefined;
  /** Set only for a push of a queue; a caller cannot set it. */
  readonly delivery: DeliveryAttempt | undefined;

  constructor(facts: PushFacts) {
    super(facts);
    this.job = facts.job;
    this.caches = facts.caches;
    this.storePaths = facts.storePaths;
    this.drvPath = facts.drvPath;
    this.commit = facts.commit;
    this.pushId = facts.pushId;
    this.traceparent = facts.traceparent;
    this.from = facts.from;
    this.delivery = facts.delivery;
    deepFreeze(this);
  }

  /** Whether a value was created here; a copy with the same prototype was not. */
  static isRead(value: unknown): value is ReadPushRequest {
    return typeof value === "object" && value !== null && #isReadPush in value;
  }

  /** The same request with some of its members replaced. */
  with(
    changes: Partial<Pick<PushFacts, "problem" | "caches" | "storePaths" | "pushId" | "delivery">>,
  ): ReadPushRequest {
    const { problem, repository, ref, job, caches, storePaths, drvPath, commit, pushId } = this;
    const { traceparent, from, delivery } = this;
    return new ReadPushRequest({
      ...{ problem, repository, ref, job, caches, storePaths, drvPath, commit, pushId },
      ...{ traceparent, from, delivery },
      ...changes,
    });
  }
}

/**
 * Reads a push request once, at the entrance of `plan`, `push`, `pushTogether` and `enqueue`. So what is
 * decided, recorded and pushed is the same, whatever the caller or a listener does with its object.
 *
 * @param caches - the caches to read in place of the request's own
 * @throws TypeError if `caches` is not a list, because there would be no results
 */
export function readPushRequest(asked: unknown, caches?: readonly string[]): ReadPushRequest {
  if (ReadPushRequest.isRead(asked)) return caches === undefined ? asked : asked.with({ caches });
  const cacheIds = caches ?? readCaches(asked);
  return new ReadPushRequest({ ...readFacts(asked), caches: cacheIds, from: undefined, delivery: undefined });
}

/** Reads a request for a promotion in the same way. */
export function readPromotionRequest(asked: unknown): ReadPushRequest {
  const [from, to] = ["from", "to"].map((name) => readMember(toMembers(asked), name));
  const facts = readFacts(asked, "promotion");
  const named = { caches: [readCacheId(to)], from: readCacheId(from) };
  return new ReadPushRequest({ ...facts, ...named, delivery: undefined });
}

/** Reads a request to a queue: a push, or a promotion by its `kind`. */
export function readQueuedRequest(asked: unknown): ReadPushRequest {
  if (ReadPushRequest.isRead(asked)) return asked;
  const kind = readMember(toMembers(asked), "kind");
  if (kind === "promotion") return readPromotionRequest(asked);
  const request = readPushRequest(asked);
  return kind === undefined ? request : request.with({ problem: "The kind of the request is not known" });
}

function readFacts(asked: unknown, usualJob?: string): Omit<PushFacts, "caches" | "from" | "delivery"> {
  const access = readAccess(asked);
  try {
    const [job = usualJob, storePaths, drvPath, commit, pushId, traceparent] = [
      ...["job", "storePaths", "drvPath", "commit", "pushId", "traceparent"].map((name) =>
        readMember(toMembers(asked), name),
      ),
    ];
    return {
      ...access,
      problem: access.problem ?? findProblem(job, pushId),
      job: toText(job) ?? "",
      storePaths: readPaths(storePaths),
      drvPath: toText(drvPath),
      commit: toText(commit),
      pushId: isPushId(pushId) ? pushId : undefined,
      traceparent: isTraceparent(traceparent) ? traceparent : undefined,
    };
  } catch {
    const nothing = { job: "", storePaths: [], drvPath: undefined, commit: undefined, pushId: undefined };
    return {
      ...access,
      ...nothing,
      traceparent: undefined,
      problem: access.problem ?? "The request cannot be read",
    };
  }
}

/**
 * An invalid `pushId` is an error, because a repeated request would not be recognised and would push twice.
 */
function findProblem(job: unknown, pushId: unknown): string | undefined {
  if (typeof job !== "string") return "The job has no name";
  if (pushId === undefined || isPushId(pushId)) return undefined;
  return "The pushId is not 1 to 128 letters, digits and hyphens";
}

/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
function isTraceparent(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u.test(value);
}

function readCaches(asked: unknown): readonly string[] {
  const { caches } = toMembers(asked);
  if (Array.isArray(caches)) return [...new Set(Array.from(caches, readCacheId))];
  throw new TypeError("The caches of a request are a list of ids");
}

/** A value that is not a text becomes a path that no store has. */
function readPaths(storePaths: unknown): readonly string[] {
  if (!Array.isArray(storePaths)) return [];
  return [
    ...new Set(Array.from(storePaths, (path) => (typeof path === "string" ? path : `<${typeof path}>`))),
  ];
}

function toText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Whether a text is a valid `pushId`: 1 to 128 letters, digits and hyphens. */
export function isPushId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9-]{1,128}$/u.test(value);
}
