/**
 * What was built: a branch, a tag, or a pull request with the branch it comes from.
 *
 * @public
 */
export type GitRef = BranchRef | TagRef | PullRequestRef;

/**
 * A branch of the repository itself.
 *
 * @public
 */
export interface BranchRef {
  readonly type: "branch";
  /** Name without `refs/heads/`. */
  readonly name: string;
}

/**
 * A tag of the repository itself.
 *
 * @public
 */
export interface TagRef {
  readonly type: "tag";
  /** Name without `refs/tags/`. */
  readonly name: string;
}

/**
 * A pull request. From the same repository it counts as its head branch; from another it counts as a fork.
 *
 * @public
 */
export interface PullRequestRef {
  readonly type: "pull-request";
  /** Number of the pull request, a positive integer. */
  readonly number: number;
  /** Where the proposed commits are. */
  readonly head: {
    /**
     * Repository of the head, `owner/name`; `null` if it was deleted, which counts as a fork.
     */
    readonly repository: string | null;
    /** Branch of the head, without `refs/heads/`. */
    readonly branch: string;
  };
}

/** Longest branch, tag or repository name, in UTF-16 units; forges store no longer ones. */
export const MAX_NAME_LENGTH = 255;

/**
 * Whether git would create a branch of this name, by the rules of git-check-ref-format(1) and its `--branch`
 * form: https://git-scm.com/docs/git-check-ref-format.
 */
export function isBranchName(name: string): boolean {
  return name !== "HEAD" && isTagName(name);
}

/** Whether git would create a tag of this name. */
export function isTagName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= MAX_NAME_LENGTH &&
    !name.startsWith("-") &&
    !name.endsWith(".") &&
    !name.includes("..") &&
    !name.includes("@{") &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses these
    !/[\u0000-\u0020\u007f~^:?*[\\]/u.test(name) &&
    name.isWellFormed() &&
    name.split("/").every(isRefComponent)
  );
}

function isRefComponent(component: string): boolean {
  return component !== "" && !component.startsWith(".") && !component.endsWith(".lock");
}
