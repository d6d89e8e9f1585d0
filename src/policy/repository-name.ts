import { MAX_NAME_LENGTH } from "./git-ref.ts";

/**
 * Whether a forge would create a repository of this full name: two or more segments (`owner/name`,
 * `group/subgroup/name`) of ASCII letters, digits, `.`, `_` and `-`, none of them `.` or `..` or ending in
 * `.git`.
 */
export function isRepositoryName(name: string): boolean {
  if (name.length > MAX_NAME_LENGTH) return false;
  const segments = name.split("/");
  return segments.length >= 2 && segments.every(isSegment);
}

function isSegment(segment: string): boolean {
  return /^[A-Za-z0-9._-]+$/u.test(segment) && !/^\.{1,2}$/u.test(segment) && !segment.endsWith(".git");
}
