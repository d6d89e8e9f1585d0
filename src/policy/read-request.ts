import { isObject, type Members, readMember, toMembers } from "../core/own-member.ts";
import { quoteName } from "../core/text.ts";
import { type GitRef, isBranchName, isTagName } from "./git-ref.ts";
import { detach, rememberNames } from "./remember-names.ts";
import { isRepositoryName } from "./repository-name.ts";

/**
 * A request after it was read. Everything that decides, records and pushes uses this, and never the caller's
 * object again. Only {@link readRequest} creates one, so no request is read twice.
 */
export class ReadRequest {
  readonly #isRead = true;
  /** Why the request is invalid. Such a request is denied at every cache. */
  readonly problem: string | undefined;
  /** A valid name; for an invalid request, what it claims. */
  readonly repository: string;
  readonly ref: GitRef | undefined;

  constructor(access: AccessFacts) {
    this.problem = access.problem;
    this.repository = access.repository;
    this.ref = access.ref;
  }

  /** Whether a value was created here. */
  static is(value: object): value is ReadRequest {
    return #isRead in value;
  }
}

/** The part of a request that says who asks. */
export interface AccessFacts {
  readonly problem: string | undefined;
  readonly repository: string;
  readonly ref: GitRef | undefined;
}

/**
 * Reads a request once, field by field. Requests may come from programs without types, so nothing about their
 * shape is assumed. Inherited fields do not count, and a getter is called only once.
 */
export function readRequest(request: unknown): ReadRequest {
  const access = readAccess(request);
  if (access === last.read) return last.read;
  return ReadRequest.is(access) ? access : new ReadRequest(access);
}

/**
 * Reads who asks. The claimed repository is kept for the audit log even if the request is invalid.
 */
export function readAccess(request: unknown): AccessFacts {
  let claimed = "";
  try {
    if (!isObject(request)) throw new InvalidRequest("The request is not an object");
    const { repository, ref } = request;
    if (!isPlain(request) || !isObject(ref)) {
      if (ReadRequest.is(request)) return request;
      const { type, name } = toMembers(ref);
      claimed = claimOf(request, repository);
      return readOther(request, { repository, ref, type, name });
    }
    const { type, name } = ref;
    if (type !== "branch" || !isPlain(ref) || isPolluted()) {
      claimed = claimOf(request, repository);
      return readOther(request, { repository, ref, type, name });
    }
    // The same request is often evaluated for many caches in a row.
    if (repository === last.claimed && name === last.branch) return last.read;
    if (typeof repository === "string") claimed = repository;
    last = readPlain(repository, name);
    return last.read;
  } catch (error) {
    const problem = error instanceof InvalidRequest ? error.message : "The request cannot be read";
    return { problem, repository: claimed, ref: undefined };
  }
}

/** The last plain request for a branch, identified by its two texts. */
let last: { readonly claimed: unknown; readonly branch: unknown; readonly read: ReadRequest } = {
  // Equal to no value that a request could have.
  claimed: Symbol("none"),
  branch: undefined,
  read: new ReadRequest({ problem: "There was no request yet", repository: "", ref: undefined }),
};

function readPlain(claimed: unknown, name: unknown): typeof last {
  const repository = detach(readRepository("Repository", claimed));
  const branch = detach(readBranch(name));
  const ref = Object.freeze({ type: "branch" as const, name: branch });
  const read = new ReadRequest(understood(repository, ref));
  // Callers must not change what is kept for the next check.
  Object.freeze(read);
  return { claimed: repository, branch, read };
}

function understood(repository: string, ref: GitRef | undefined): AccessFacts {
  return { problem: undefined, repository, ref };
}

/** What was read from a request, own or inherited. */
interface Fields {
  readonly repository: unknown;
  readonly ref: unknown;
  /** Of the ref. */
  readonly type: unknown;
  /** Of the ref. */
  readonly name: unknown;
}

/** For anything but a plain object with a plain branch, each field must be an own property. */
function readOther(request: Members, fields: Fields): AccessFacts {
  const repository = Object.hasOwn(request, "repository") ? fields.repository : undefined;
  return understood(
    readRepository("Repository", repository),
    Object.hasOwn(request, "ref") ? readRef(fields) : refuseInherited(fields.ref),
  );
}

/** The repository that a request claims, for the audit log. */
function claimOf(request: Members, repository: unknown): string {
  return typeof repository === "string" && Object.hasOwn(request, "repository") ? repository : "";
}

class InvalidRequest extends Error {}

/** Has everything that a plain object inherits. */
const PLAIN: Members = {};

/**
 * Whether an object inherits only from `Object.prototype`. Most requests do. While nobody has added a name
 * that is read here to it, this is faster than checking for each field whether it is an own property.
 */
function isPlain(object: Members): boolean {
  return Object.getPrototypeOf(object) === Object.prototype;
}

/**
 * Whether plain objects inherit a name that is read here. This is checked after reading, because a getter may
 * do anything.
 */
function isPolluted(): boolean {
  return (
    PLAIN["repository"] !== undefined ||
    PLAIN["ref"] !== undefined ||
    PLAIN["type"] !== undefined ||
    PLAIN["name"] !== undefined
  );
}

function readRef({ ref, type, name }: Fields): GitRef | undefined {
  if (ref === undefined) return undefined;
  if (!isObject(ref) || !Object.hasOwn(ref, "type")) throw refuseRef();
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
  const named = readMember(head, "repository");
  const repository = named === null ? null : readRepository("Head repository", named);
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

// A request without a ref may be allowed more than one of a fork. So an inherited ref must not be ignored.
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
