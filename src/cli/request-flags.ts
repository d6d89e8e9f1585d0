import type { AccessRequest, GitRef } from "../index.ts";
import { usage } from "./exit-codes.ts";

/** The flags that say who asks. */
export interface RequestFlags {
  readonly repo: string;
  readonly branch?: string | undefined;
  readonly tag?: string | undefined;
  readonly pr?: number | undefined;
  readonly head?: string | undefined;
}

const text = String;

/** Their description for the parser. */
export const REQUEST_FLAGS = {
  repo: { kind: "parsed", parse: text, brief: "Repository, as owner/name", placeholder: "owner/name" },
  branch: {
    kind: "parsed",
    parse: text,
    brief: "Branch that was built",
    optional: true,
    placeholder: "name",
  },
  tag: { kind: "parsed", parse: text, brief: "Tag that was built", optional: true, placeholder: "name" },
  pr: {
    kind: "parsed",
    parse: parseNumber,
    brief: "Number of the pull request that was built; needs --head",
    optional: true,
    placeholder: "number",
  },
  head: {
    kind: "parsed",
    parse: text,
    brief: "Where the pull request comes from, as owner/name:branch",
    optional: true,
    placeholder: "owner/name:branch",
  },
} as const;

function parseNumber(value: string): number {
  if (/^[1-9]\d{0,14}$/u.test(value)) return Number(value);
  throw new SyntaxError("the number of a pull request is a positive integer, as in --pr 42");
}

/** Reads a request. Policy decides whether its names are valid. */
export function toAccessRequest(flags: RequestFlags): AccessRequest {
  const given = [flags.branch, flags.tag, flags.pr].filter((value) => value !== undefined);
  if (given.length > 1) throw usage("Give one of --branch, --tag and --pr");
  if ((flags.pr === undefined) !== (flags.head === undefined))
    throw usage("--pr and --head belong together, as in --pr 42 --head owner/name:branch");
  const ref = toRef(flags);
  return ref === undefined ? { repository: flags.repo } : { repository: flags.repo, ref };
}

function toRef({ branch, tag, pr, head }: RequestFlags): GitRef | undefined {
  if (branch !== undefined) return { type: "branch", name: branch };
  if (tag !== undefined) return { type: "tag", name: tag };
  if (pr === undefined || head === undefined) return undefined;
  const colon = head.indexOf(":");
  if (colon === -1) throw usage("--head is a repository and a branch, as in --head owner/name:branch");
  const [repository, headBranch] = [head.slice(0, colon), head.slice(colon + 1)];
  return { type: "pull-request", number: pr, head: { repository, branch: headBranch } };
}

/** What was built, in a few words. */
export function describeRef(ref: GitRef | undefined): string {
  switch (ref?.type) {
    case undefined:
      return "no ref";
    case "branch":
      return `branch ${ref.name}`;
    case "tag":
      return `tag ${ref.name}`;
    case "pull-request":
      return `pull request ${ref.number} from ${ref.head.repository ?? "a deleted repository"}:${ref.head.branch}`;
  }
}
