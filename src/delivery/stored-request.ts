import { isObject, readMember } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";
import { ReadPushRequest, readPromotionRequest, readPushRequest } from "../registry/read-push-request.ts";

/**
 * The members of a stored request. Each is always present, so that a misspelt one does not count as absent.
 */
const MEMBERS = ["repository", "ref", "job", "caches", "storePaths", "drvPath", "commit"] as const;

/** Only for a promotion. A version that does not know this member refuses the request. */
const PROMOTION = "from";

/**
 * Writes a request for a journal, with all its caches: it is the same for each. It has no credential.
 */
export function writeRequest(request: ReadPushRequest): string {
  const { repository, ref, job, caches, storePaths, drvPath, commit } = request;
  const members: Record<(typeof MEMBERS)[number], unknown> = {
    repository,
    ref: ref ?? null,
    job,
    caches,
    storePaths,
    drvPath: drvPath ?? null,
    commit: commit ?? null,
  };
  return JSON.stringify(request.from === undefined ? members : { ...members, [PROMOTION]: request.from });
}

/**
 * Reads a request from a journal. It refuses what this package would not write. An unknown or missing member
 * may be a lost fact, and without it the request might be allowed more.
 *
 * @returns nothing if the text is not a stored request
 */
export function readStoredRequest(
  text: string,
  { cacheId, ticketId }: { readonly cacheId: string; readonly ticketId: string },
): ReadPushRequest | undefined {
  const stored = parseJson(text);
  if (!isObject(stored)) return undefined;
  const isPromotion = Object.hasOwn(stored, PROMOTION);
  if (Object.keys(stored).length !== MEMBERS.length + (isPromotion ? 1 : 0)) return undefined;
  if (!MEMBERS.every((name) => Object.hasOwn(stored, name))) return undefined;
  const { caches } = stored;
  if (!Array.isArray(caches) || !caches.includes(cacheId)) return undefined;
  const fields = Object.fromEntries(MEMBERS.map((name) => [name, readMember(stored, name) ?? undefined]));
  const from = readMember(stored, PROMOTION);
  if (isPromotion && typeof from !== "string") return undefined;
  const request = isPromotion
    ? readPromotionRequest({ ...fields, from, to: cacheId, pushId: ticketId })
    : readPushRequest({ ...fields, caches: [cacheId], pushId: ticketId });
  return request.problem === undefined && request.storePaths.length > 0 ? request : undefined;
}

/** A placeholder for an unreadable stored request. It is denied everywhere. */
export function toUnreadableRequest({
  cacheId,
  ticketId,
}: {
  readonly cacheId: string;
  readonly ticketId: string;
}): ReadPushRequest {
  return new ReadPushRequest({
    problem: "The journal has a request that cannot be read",
    ...{ repository: "", ref: undefined, job: "", caches: [cacheId], storePaths: [] },
    ...{ drvPath: undefined, commit: undefined, pushId: ticketId },
    ...{ traceparent: undefined, from: undefined, delivery: undefined },
  });
}

/** The members that version 0.1 wrote. It left out absent ones. */
const OLD_MEMBERS: ReadonlySet<string> = new Set([...MEMBERS, "pushId"]);

/**
 * Rewrites a request of version 0.1. One with an unknown member stays as it is, and is refused when it is
 * read.
 */
export function upgradeRequest(
  text: string,
  cacheId: string,
): { readonly text: string; readonly repository: string } {
  const stored = parseJson(text);
  const isKnown = isObject(stored) && Object.keys(stored).every((name) => OLD_MEMBERS.has(name));
  if (!isKnown) return { text, repository: "" };
  const fields = Object.fromEntries(MEMBERS.map((name) => [name, readMember(stored, name) ?? null]));
  const caches = Array.isArray(fields["caches"]) ? fields["caches"] : [cacheId];
  return { text: JSON.stringify({ ...fields, caches }), repository: String(fields["repository"]) };
}
