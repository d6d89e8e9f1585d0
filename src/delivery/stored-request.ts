import { isObject, readMember } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";
import { ReadPushRequest, readPromotionRequest, readPushRequest } from "../registry/read-push-request.ts";

/**
 * The members of a stored request. Each is always there, so that a misspelt one is not taken for one that is
 * absent.
 */
const MEMBERS = ["repository", "ref", "job", "caches", "storePaths", "drvPath", "commit"] as const;

/** That of a promotion alone: a version that does not know it refuses the request. */
const PROMOTION = "from";

/**
 * Writes a request for a journal, with all caches that it was made for: it is the same for each. It holds no
 * credential.
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
 * Reads a request that a journal has kept. What this package would not write is refused: an unknown or a
 * missing member may be a fact that was lost, and a request without it might be allowed more.
 *
 * @returns nothing for a text that is no stored request
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

/** Stands for a request that a journal holds and nobody can read: it is denied everywhere. */
export function toUnreadableRequest({
  cacheId,
  ticketId,
}: {
  readonly cacheId: string;
  readonly ticketId: string;
}): ReadPushRequest {
  return new ReadPushRequest({
    problem: "The journal holds a request that cannot be read",
    ...{ repository: "", ref: undefined, job: "", caches: [cacheId], storePaths: [] },
    ...{ drvPath: undefined, commit: undefined, pushId: ticketId },
    ...{ traceparent: undefined, from: undefined, delivery: undefined },
  });
}

/** The members that version 0.1 wrote, of which those that were absent are missing. */
const OLD_MEMBERS: ReadonlySet<string> = new Set([...MEMBERS, "pushId"]);

/**
 * Rewrites a request that version 0.1 has kept. One that holds an unknown member stays as it is, and is
 * refused when it is read.
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
