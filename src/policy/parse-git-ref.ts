import { quoteName } from "../core/text.ts";
import type { BranchRef, TagRef } from "./git-ref.ts";
import { PermissionError } from "./permission-error.ts";

/**
 * Reads a full ref name as git writes it. The prefix is removed exactly once: `refs/heads/refs/heads/main` is
 * the branch `refs/heads/main`, which is always denied.
 *
 * @param ref - `refs/heads/…` or `refs/tags/…`
 * @throws {@link PermissionError} `ERR_REF_INVALID` for anything else. The ref of a pull request does not
 * name the repository of its head; build a {@link PullRequestRef} from the forge's event instead.
 *
 * @example
 * ```ts
 * parseGitRef("refs/heads/main"); // { type: "branch", name: "main" }
 * ```
 *
 * @public
 */
export function parseGitRef(ref: string): BranchRef | TagRef {
  if (ref.startsWith("refs/heads/")) return { type: "branch", name: ref.slice("refs/heads/".length) };
  if (ref.startsWith("refs/tags/")) return { type: "tag", name: ref.slice("refs/tags/".length) };
  throw new PermissionError(
    "ERR_REF_INVALID",
    `${quoteName(ref)} is neither refs/heads/… nor refs/tags/…; for a pull request pass its number and head`,
  );
}
