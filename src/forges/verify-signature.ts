import { createHmac, timingSafeEqual } from "node:crypto";
import { ForgeError } from "../core/errors.ts";
import type { Forge } from "./forge-event.ts";
import type { ForgeHeaders } from "./forge-headers.ts";

/**
 * The prefix of a signing token:
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
const SIGNING_PREFIX = "whsec_";

/** What a signature covers beside the body. */
export interface Proof {
  /** Id of the delivery. */
  readonly id?: string | undefined;
  /** When it was signed, in milliseconds since the Unix epoch. */
  readonly signedAt?: number | undefined;
}

/**
 * Verifies that the sender of a body knows the secret.
 *
 * @throws {@link ForgeError} `ERR_FORGE_SIGNATURE` otherwise
 */
export function verifySignature(
  forge: Forge,
  headers: ForgeHeaders,
  body: Uint8Array,
  secret: unknown,
): Proof {
  if (typeof secret !== "string" || secret === "") {
    const hint = "enter one at the forge, and pass the same here";
    throw new ForgeError("ERR_FORGE_SIGNATURE", `There is no secret to verify the event with; ${hint}`);
  }
  if (isProven(forge, headers, body, secret)) {
    if (forge !== "gitlab" || !secret.startsWith(SIGNING_PREFIX)) return {};
    const seconds = Number(headers.get("webhook-timestamp"));
    return {
      id: headers.get("webhook-id"),
      signedAt: Number.isSafeInteger(seconds) ? seconds * 1_000 : undefined,
    };
  }
  const hint = "check that the secret is that of the webhook, and that the body is verified as received";
  throw new ForgeError("ERR_FORGE_SIGNATURE", `The event is not signed with the secret; ${hint}`);
}

function isProven(forge: Forge, headers: ForgeHeaders, body: Uint8Array, secret: string): boolean {
  switch (forge) {
    case "github":
      return isHexOf(headers.get("x-hub-signature-256"), "sha256=", body, secret);
    case "gitea":
      return isHexOf(headers.get("x-gitea-signature"), "", body, secret);
    case "forgejo":
      return isHexOf(headers.get("x-forgejo-signature"), "", body, secret);
    case "gitlab":
      return secret.startsWith(SIGNING_PREFIX)
        ? isStandardSignature(headers, body, secret)
        : isSame(headers.get("x-gitlab-token"), secret);
  }
}

/** A MAC over the raw bytes, in hexadecimal digits after a prefix. */
function isHexOf(claimed: string | undefined, prefix: string, body: Uint8Array, secret: string): boolean {
  return isSame(claimed, `${prefix}${createHmac("sha256", secret).update(body).digest("hex")}`);
}

/**
 * GitLab's signing token follows Standard Webhooks: a MAC over id, time and body; there may be one for each
 * key.
 */
function isStandardSignature(headers: ForgeHeaders, body: Uint8Array, secret: string): boolean {
  const [id, timestamp, claimed] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    headers.get(name),
  );
  if (id === undefined || timestamp === undefined || claimed === undefined) return false;
  const key = Buffer.from(secret.slice(SIGNING_PREFIX.length), "base64");
  if (key.length === 0) return false;
  const code = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  return claimed.split(" ").some((one) => isSame(one, `v1,${code}`));
}

/**
 * Whether two texts are the same. The time reveals only their length, which is not secret for a MAC.
 */
function isSame(claimed: string | undefined, expected: string): boolean {
  if (claimed === undefined) return false;
  // MACs of both have the same length, so the length of a token is not revealed.
  const [one, other] = [claimed, expected].map((text) =>
    createHmac("sha256", expected).update(text).digest(),
  );
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}
