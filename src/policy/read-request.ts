import { isObject, type Members, readMember } from "../core/own-member.ts";
import { quoteName } from "../core/text.ts";
import { type GitRef, isBranchName, isTagName } from "./git-ref.ts";
import { detach, rememberNames } from "./remember-names.ts";
import { isRepositoryName } from "./repository-name.ts";

/**
 * A request as it was read at the door. What decides, records and pushes reads this, and never the caller's object again. Only
 * {@link readRequest} makes one, so that one that was read is not read a second time.
 */
export class ReadRequest {
  readonly #isRead = true;
  /** Why the request was not understood; such a request is denied everywhere. */
  readonly problem: string | undefined;
  /** Where the request was not understood, what it claims; else a valid name. */
  readonly repository: string;
  readonly ref: GitRef | undefined;

  constructor(access: AccessFacts) {
    this.problem = access.problem;
    this.repository = access.repository;
    this.ref = access.ref;
  }

  /** Whether a value was made here. */
  static is(value: object): value is ReadRequest {
    return #isRead in value;
  }
}

/** What a request says of who asks. */
export interface AccessFacts {
  readonly problem: string | undefined;
  readonly repository: string;
  readonly ref: GitRef | undefined;
}

/**
 * Reads a request once, field by field. Requests come from programs without types too: nothing about their shape is taken for granted,
 * inherited fields do not count, and a getter is asked only once.
 */
export function readRequest(request: unknown): ReadRequest {
  const access = readAccess(request);
  if (access === last.read) return last.read;
  return ReadRequest.is(access) ? access : new ReadRequest(access);
}

/** Reads who asks. What is said of the repository is kept for the records, also where the request is not understood. */
export function readAccess(request: unknown): AccessFacts {
  let claimed = "";
  try {
    if (!isObject(request))
      return { problem: "The request is not an object", repository: "", ref: undefined };
    const { repository, ref } = request;
    const isPlain = inheritsNothing(request);
    if (typeof repository === "string" && (isPlain || Object.hasOwn(request, "repository")))
      claimed = repository;
    if (!isPlain) return ReadRequest.is(request) ? request : readOther(request, repository, ref);
    if (!isObject(ref)) return understood(readRepository("Repository", repository), readRef(ref));
    const { type, name } = ref;
    if (type !== "branch" || !inheritsNothing(ref))
      return understood(readRepository("Repository", repository), readOtherRef(ref, type, name));
    // One request is asked about at many caches in a row.
    if (repository !== last.claimed || name !== last.branch) last = readPlain(repository, name);
    return last.read;
  } catch (error) {
    const problem = error instanceof InvalidRequest ? error.message : "The request cannot be read";
    return { problem, repository: claimed, ref: undefined };
  }
}

/** The last plain request for a branch, told apart by its two texts. */
let last: { readonly claimed: unknown; readonly branch: unknown; readonly read: ReadRequest } = {
  // Equal to nothing that a request could hold.
  claimed: Symbol("none"),
  branch: undefined,
  read: new ReadRequest({ problem: "There was no request yet", repository: "", ref: undefined }),
};

function readPlain(claimed: unknown, name: unknown): typeof last {
  const repository = detach(readRepository("Repository", claimed));
  const branch = detach(readBranch(name));
  const ref = Object.freeze({ type: "branch" as const, name: branch });
  const read = new ReadRequest(understood(repository, ref));
  // What is kept for the next check must not be changed by whoever has it from this one.
  Object.freeze(read);
  return { claimed: repository, branch, read };
}

function understood(repository: string, ref: GitRef | undefined): AccessFacts {
  return { problem: undefined, repository, ref };
}

/** What is no plain object: each field must be its own. */
function readOther(request: Members, repository: unknown, ref: unknown): AccessFacts {
  return understood(
    readRepository("Repository", Object.hasOwn(request, "repository") ? repository : undefined),
    readRef(Object.hasOwn(request, "ref") ? ref : refuseInherited(ref)),
  );
}

class InvalidRequest extends Error {}

/** Has what every plain object inherits. */
const PLAIN: Members = {};

/**
 * Whether the fields that are read of an object are its own, since it inherits none of their names. Most requests are plain
 * objects, and this costs less than to ask for each field whether it is the object's own.
 */
function inheritsNothing(object: Members): boolean {
  return (
    Object.getPrototypeOf(object) === Object.prototype &&
    PLAIN["repository"] === undefined &&
    PLAIN["ref"] === undefined &&
    PLAIN["type"] === undefined &&
    PLAIN["name"] === undefined
  );
}

function readRef(ref: unknown): GitRef | undefined {
  if (ref === undefined) return undefined;
  if (!isObject(ref)) throw refuseRef();
  const { type, name } = ref;
  if (type === "branch" && inheritsNothing(ref)) return { type, name: readBranch(name) };
  return readOtherRef(ref, type, name);
}

/** What is no branch, or none in a plain object. */
function readOtherRef(ref: Members, type: unknown, name: unknown): GitRef {
  if (!Object.hasOwn(ref, "type")) throw refuseRef();
  const ownName = Object.hasOwn(ref, "name") ? name : undefined;
  if (type === "branch") return { type, name: readBranch(ownName) };
  if (type === "tag") return { type, name: readTag(ownName) };
  if (type === "pull-request") return readPullRequest(ref);
  throw refuseRef();
}

function readPullRequest(ref: Members): GitRef {
  const number = readMember(ref, "number");
  const head = readMember(ref, "head");
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) {
    throw new InvalidRequest("The number of a pull request is a positive integer");
  }
  if (!isObject(head)) throw new InvalidRequest("The pull request has no head");
  const repository = readRepository("Head repository", readMember(head, "repository"));
  return {
    type: "pull-request",
    number,
    head: { repository, branch: readBranch(readMember(head, "branch")) },
  };
}

const isKnownBranchName = rememberNames((name) => !name.startsWith("refs/heads/") && isBranchName(name));
const isKnownRepositoryName = rememberNames(isRepositoryName);

function readBranch(name: unknown): string {
  if (typeof name === "string" && isKnownBranchName(name)) return name;
  throw refuseBranch(name);
}

function readTag(name: unknown): string {
  if (typeof name !== "string") throw new InvalidRequest("The tag has no name");
  if (!isTagName(name)) throw new InvalidRequest(`Tag ${quoteName(name)} is not a name that git accepts`);
  return name;
}

function readRepository(subject: string, name: unknown): string {
  if (typeof name === "string" && isKnownRepositoryName(name)) return name;
  throw refuseRepository(subject, name);
}

// A request without a ref may do more than one of a fork, so one that is not the request's own must not be passed over.
function refuseInherited(ref: unknown): undefined {
  if (ref !== undefined)
    throw new InvalidRequest("The ref is inherited; make it a field of the request itself");
}

function refuseRef(): InvalidRequest {
  return new InvalidRequest("The ref is neither a branch, a tag nor a pull request");
}

function refuseBranch(name: unknown): InvalidRequest {
  if (typeof name !== "string") return new InvalidRequest("The branch has no name");
  const isPrefixed = name.startsWith("refs/heads/");
  const problem = isPrefixed ? "must be given without refs/heads/" : "is not a name that git accepts";
  return new InvalidRequest(`Branch ${quoteName(name)} ${problem}`);
}

function refuseRepository(subject: string, name: unknown): InvalidRequest {
  if (typeof name !== "string") return new InvalidRequest(`${subject} has no name`);
  return new InvalidRequest(`${subject} ${quoteName(name)} is not a full name like owner/name`);
}
