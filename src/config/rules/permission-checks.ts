import { isRecord, type Members } from "../../core/own-member.ts";
import { findPatternProblem, type PatternKind } from "../../policy/pattern.ts";
import { PERMISSION_KEYS } from "../schema/server-schema.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";

/**
 * Checks the permissions of a cache: patterns, and combinations that do less than their author may think.
 *
 * @param value - the `permissions` table, of whatever shape
 * @param cachePath - path of the cache that it belongs to
 */
export function checkPermissions(value: unknown, cachePath: KeyPath): readonly Problem[] {
  if (value === undefined) return [unrestricted(cachePath)];
  if (!isRecord(value)) return [];
  const problem = findCombinationProblem(value, cachePath);
  const problems = problem === undefined ? [] : [problem];
  addPatternProblems(problems, "repository", value, "allowed_repos", cachePath);
  addPatternProblems(problems, "branch", value, "allowed_branches", cachePath);
  return problems;
}

const KNOWN_KEYS: ReadonlySet<string> = new Set(PERMISSION_KEYS);

function findCombinationProblem(table: Members, cachePath: KeyPath): Problem | undefined {
  const { allow_all: allowAll, allowed_repos: repos, allowed_branches: branches } = table;
  // With a misspelt key the meaning is not clear; the schema reports that key.
  for (const key in table) if (!KNOWN_KEYS.has(key)) return undefined;
  if (allowAll === undefined) return ambiguous([...cachePath, "permissions"]);
  if (allowAll === true)
    return repos === undefined && branches === undefined ? undefined : ignored([...cachePath, "permissions"]);
  if (allowAll !== false) return undefined;
  if (isEmptyList(repos)) return deniesEveryone([...cachePath, "permissions"]);
  return branches !== undefined && isEmptyList(branches)
    ? deniesBranches([...cachePath, "permissions", "allowed_branches"])
    : undefined;
}

function isEmptyList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function addPatternProblems(
  problems: Problem[],
  kind: PatternKind,
  table: Members,
  key: string,
  cachePath: KeyPath,
): void {
  const patterns = table[key];
  if (!Array.isArray(patterns)) return;
  for (let index = 0; index < patterns.length; index++) {
    const pattern: unknown = patterns[index];
    const problem = typeof pattern === "string" ? findPatternProblem(kind, pattern) : undefined;
    if (problem === undefined) continue;
    const message = `This is not a valid ${kind} pattern: ${problem}`;
    const path = [...cachePath, "permissions", key, index];
    problems.push({ code: "invalid-pattern", severity: "error", message, path, hint: PATTERN_HINTS[kind] });
  }
}

const PATTERN_HINTS: Readonly<Record<PatternKind, string>> = {
  repository: 'As in "myorg/myrepo", or "myorg/*" for every repository of myorg',
  branch: 'As in "main", or "release/*" for every branch below release/',
};

function unrestricted(path: KeyPath): Problem {
  const message = "Every repository and every ref may push to this cache";
  const hint = "Write permissions = { allow_all = true } if that is intended, or list allowed_repos";
  return { code: "unrestricted-permissions", severity: "warning", message, path, part: "key", hint };
}

function ignored(path: KeyPath): Problem {
  const message = "allow_all = true, so allowed_repos and allowed_branches do nothing";
  const hint = "Set allow_all = false, or remove the lists";
  return { code: "ignored-permissions", severity: "warning", message, path, part: "key", hint };
}

function ambiguous(path: KeyPath): Problem {
  const message = "permissions without allow_all would open the cache to everyone";
  const hint = "Write allow_all = false beside the lists, or allow_all = true";
  return { code: "ambiguous-permissions", severity: "error", message, path, part: "key", hint };
}

function deniesEveryone(path: KeyPath): Problem {
  const message = "allow_all = false without allowed_repos denies every repository";
  const hint = 'List them, as in allowed_repos = ["myorg/myrepo"]';
  return { code: "no-repositories-allowed", severity: "warning", message, path, part: "key", hint };
}

function deniesBranches(path: KeyPath): Problem {
  const message = "An empty list of branches denies every branch";
  const hint = 'Remove the list to allow every ref, or write ["*"] for every branch';
  return { code: "no-branches-allowed", severity: "warning", message, path, hint };
}
