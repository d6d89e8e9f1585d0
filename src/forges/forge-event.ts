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
 * | `push` | a branch or tag was pushed, made or deleted |
 * | `create`, `delete` | a branch or tag was made or deleted; GitHub sends a `push` for it, too, and Gitea and Forgejo for what is made |
 * | `pull-request` | something happened to a pull or merge request; `action` says what |
 * | `merge-queue` | a merge queue has made a branch to be checked, or has deleted it |
 *
 * @public
 */
export type ForgeEventKind = "push" | "create" | "delete" | "pull-request" | "merge-queue";

/**
 * The facts of an event that concerns a ref. All of them are signed by the forge, or stand beside the token
 * that it shares with the host, but for `deliveryId`.
 *
 * @public
 */
export interface ForgeEvent {
  /** Who sent it. */
  readonly forge: Forge;
  /** What happened. */
  readonly kind: ForgeEventKind;
  /**
   * Full name of the repository by now, `owner/name` or `group/subgroup/name`; of a pull request, the one it
   * is opened against.
   */
  readonly repository: string;
  /**
   * What to build, as a request for a push names it. The head of a pull request whose fork is gone has the
   * repository `null`.
   */
  readonly ref: GitRef;
  /**
   * Commit that the ref leads to, 40 or 64 hexadecimal digits; absent for a deleted ref, and where the event
   * does not say.
   */
  readonly commit?: string | undefined;
  /** Whether the ref is gone, so that there is nothing to build. */
  readonly isDeleted: boolean;
  /**
   * What happened to a pull request or in a merge queue, in the forge's own word, as `opened` or
   * `synchronize`.
   */
  readonly action?: string | undefined;
  /**
   * Id of the delivery, to know a repetition by: 1 to 128 letters, digits and hyphens, fit for a `pushId`. It
   * is a header, which no signature covers but that of GitLab's signing token: whoever repeats another signed
   * body may give it another id.
   */
  readonly deliveryId?: string | undefined;
  /** When it was signed, in milliseconds since the Unix epoch; known of GitLab's signing token alone. */
  readonly signedAt?: number | undefined;
}

/**
 * A request of a forge, as it came.
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
  /** Its body: the bytes as they came, or the text that they are. */
  readonly body: Uint8Array | string;
  /**
   * The secret of the webhook, as it was entered at the forge; of GitLab the secret token, or the signing
   * token with its `whsec_`.
   */
  readonly secret: string;
  /**
   * The only forge whose events are taken; default any. Gitea and Forgejo sign their events for GitHub, too.
   */
  readonly forge?: Forge | undefined;
}

/** What an event says, before it is known who sent it. */
export type EventFacts = Omit<ForgeEvent, "forge" | "deliveryId" | "signedAt">;
