import type { GitRef } from "../policy/git-ref.ts";

/**
 * A forge whose events are read.
 *
 * @public
 */
export type Forge = "github" | "gitlab" | "gitea" | "forgejo";

/**
 * What happened to a ref.
 *
 * | kind | meaning |
 * |---|---|
 * | `push` | a branch or tag was pushed, created or deleted |
 * | `create`, `delete` | a branch or tag was created or deleted; GitHub also sends a `push` for it, and Gitea and Forgejo do for a created one |
 * | `pull-request` | a pull or merge request changed; `action` says how |
 * | `merge-queue` | a merge queue has created a branch to check, or deleted it |
 *
 * @public
 */
export type ForgeEventKind = "push" | "create" | "delete" | "pull-request" | "merge-queue";

/**
 * The facts of an event about a ref. Except for `deliveryId`, the forge has signed all of them, or sent them
 * with the shared token.
 *
 * @public
 */
export interface ForgeEvent {
  /** Who sent it. */
  readonly forge: Forge;
  /** What happened. */
  readonly kind: ForgeEventKind;
  /**
   * Current full name of the repository, `owner/name` or `group/subgroup/name`. For a pull request, the
   * repository that it targets.
   */
  readonly repository: string;
  /**
   * What to build, as in a push request. If the fork of a pull request was deleted, the repository of its
   * head is `null`.
   */
  readonly ref: GitRef;
  /**
   * Commit of the ref, 40 or 64 hexadecimal digits; absent for a deleted ref, and if the event does not say.
   */
  readonly commit?: string | undefined;
  /** Whether the ref was deleted, so that there is nothing to build. */
  readonly isDeleted: boolean;
  /**
   * What happened to a pull request or in a merge queue, in the forge's word, such as `opened` or
   * `synchronize`.
   */
  readonly action?: string | undefined;
  /**
   * Id of the delivery, to recognise repetitions: 1 to 128 letters, digits and hyphens, valid as a `pushId`.
   * It is a header, which only GitLab's signing token covers, so someone who replays a signed body can give
   * it another id.
   */
  readonly deliveryId?: string | undefined;
  /** When it was signed, in milliseconds since the Unix epoch; only for GitLab's signing token. */
  readonly signedAt?: number | undefined;
}

/**
 * A request of a forge, as received.
 *
 * @example
 * ```ts
 * const input: ForgeEventInput = { headers: received.headers, body: await received.text(), secret: "the webhook's secret" };
 * ```
 *
 * @public
 */
export interface ForgeEventInput {
  /** Its headers, by names in any case. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Its body: the received bytes, or their text. */
  readonly body: Uint8Array | string;
  /**
   * The secret of the webhook, as entered at the forge; for GitLab the secret token, or the signing token
   * with its `whsec_`.
   */
  readonly secret: string;
  /**
   * The only forge whose events are accepted; default any. Gitea and Forgejo also send GitHub's signature.
   */
  readonly forge?: Forge | undefined;
}

/** The content of an event, before its sender is known. */
export type EventFacts = Omit<ForgeEvent, "forge" | "deliveryId" | "signedAt">;
