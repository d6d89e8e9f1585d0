import { ForgeError } from "../core/errors.ts";
import type { Members } from "../core/own-member.ts";
import { isPushId } from "../registry/read-push-request.ts";
import type { EventFacts, Forge, ForgeEvent, ForgeEventInput } from "./forge-event.ts";
import { ForgeHeaders, findForge } from "./forge-headers.ts";
import { readPayload } from "./forge-payload.ts";
import { readGiteaEvent } from "./gitea-event.ts";
import { readGithubEvent } from "./github-event.ts";
import { readGitlabEvent } from "./gitlab-event.ts";
import { verifySignature } from "./verify-signature.ts";

const READERS: Readonly<Record<Forge, (event: string, payload: Members) => EventFacts | undefined>> = {
  github: readGithubEvent,
  gitlab: readGitlabEvent,
  gitea: readGiteaEvent,
  forgejo: readGiteaEvent,
};

/**
 * Reads an event of GitHub, GitLab, Gitea or Forgejo. The signature over the raw bytes, or GitLab's token, is
 * verified before the body is read. The content is accepted as it is, or refused; nothing is guessed, and a
 * fork never counts as a branch.
 *
 * Most signatures have no time. To refuse replays, remember `deliveryId` and `commit` for a while, or pass
 * the id to a queue as `pushId`.
 *
 * @param input - headers, body and secret
 * @returns what happened to a ref; nothing for an event that is not about a ref
 * @throws {@link ForgeError} `ERR_FORGE_SIGNATURE` for a request that is not signed with the secret, and
 * `ERR_FORGE_EVENT_INVALID` for a signed one that lacks what this kind of event has
 *
 * @example
 * ```ts
 * const event = await readForgeEvent({ headers: received.headers, body: await received.text(), secret: "the webhook's secret" });
 * if (event !== undefined && !event.isDeleted) log(`${event.repository} ${event.ref.type} ${event.commit}`);
 * ```
 *
 * @public
 */
export async function readForgeEvent(input: ForgeEventInput): Promise<ForgeEvent | undefined> {
  const headers = new ForgeHeaders(input.headers);
  const names = findForge(headers, input.forge);
  if (names === undefined) {
    const hint = "GitHub, GitLab, Gitea and Forgejo send X-GitHub-Event, X-Gitlab-Event and the like";
    throw new ForgeError("ERR_FORGE_SIGNATURE", `The request has no header of the expected forge; ${hint}`);
  }
  const { forge, event, delivery } = names;
  const body = typeof input.body === "string" ? new TextEncoder().encode(input.body) : input.body;
  if (!(body instanceof Uint8Array)) {
    const hint = "pass the received bytes or text, before anything parses it";
    throw new ForgeError("ERR_FORGE_SIGNATURE", `The body cannot be verified; ${hint}`);
  }
  const { id, signedAt } = verifySignature(forge, headers, body, input.secret);
  const facts = READERS[forge](headers.get(event) ?? "", readPayload(body));
  if (facts === undefined) return undefined;
  const deliveryId = id ?? headers.get(delivery);
  const nothing = { commit: undefined, action: undefined };
  return { forge, ...nothing, ...facts, deliveryId: isPushId(deliveryId) ? deliveryId : undefined, signedAt };
}
