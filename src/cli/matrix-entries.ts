import { CacheRegistry, type Decision, type GitRef, type ServerConfig } from "../index.ts";
import { DECIDE_ONLY } from "./decide-only.ts";

/** What the questions of a matrix contain, besides the names in the configurations. */
export interface MatrixScope {
  readonly repo?: readonly string[] | undefined;
  readonly branch?: readonly string[] | undefined;
}

/** One question of the matrix, and its answer. */
export interface MatrixEntry {
  readonly cache: string;
  readonly repository: string;
  readonly ref: string;
  readonly effect: Decision["effect"];
  readonly reason: Decision["reason"];
}

/** An entry whose answer differs between two configurations. */
export interface MatrixChange extends MatrixEntry {
  readonly before: Decision["effect"];
}

/** A repository that no configuration names. */
const STRANGER = "a-stranger/a-repository";

/** Whether a repository may push something to a cache. */
export interface MatrixQuestion {
  readonly cache: string;
  readonly repository: string;
  readonly ref: GitRef | undefined;
  readonly name: string;
}

/**
 * The example text for a `*`. It must not match a longer pattern by accident, which would hide what a shorter
 * one opens.
 */
const ANY_NAME = "any-name-at-all";

/**
 * Example names for the patterns of a list; `*` is their only wildcard.
 */
function toExamples(patterns: readonly string[] | undefined): readonly string[] {
  return (patterns ?? []).map((pattern) => pattern.replaceAll("*", ANY_NAME));
}

/**
 * Creates questions for every cache of some configurations, every repository that they name, and every kind
 * of ref.
 */
export function toMatrixQuestions(
  configs: readonly ServerConfig[],
  scope: MatrixScope,
): readonly MatrixQuestion[] {
  const caches = configs.flatMap((config) => config.caches);
  const named = scope.repo ?? [];
  const known = caches.flatMap(({ permissions }) => toExamples(permissions.allowedRepos));
  const repositories = [...new Set(named.length > 0 ? named : [...known, STRANGER])];
  const branches = new Set([
    ...(scope.branch ?? []),
    "main",
    ...caches.flatMap(({ permissions }) => toExamples(permissions.allowedBranches)),
    "any-other-branch",
  ]);
  const ids = new Set(caches.map(({ id }) => id));
  return [...ids].flatMap((cache) =>
    repositories.flatMap((repository) =>
      toRefs(repository, [...branches]).map(([name, ref]) => ({ cache, repository, ref, name })),
    ),
  );
}

function toRefs(
  repository: string,
  branches: readonly string[],
): readonly (readonly [name: string, ref: GitRef | undefined])[] {
  const pull = (head: string, branch: string): GitRef => ({
    type: "pull-request",
    number: 1,
    head: { repository: head, branch },
  });
  // A fork can choose the name of its branch, so each is tested.
  return [
    ...branches.flatMap((name) => [
      [`branch ${name}`, { type: "branch", name } as const] as const,
      [`pull request of its own ${name}`, pull(repository, name)] as const,
      [`pull request of a fork's ${name}`, pull("a-fork/of-it", name)] as const,
    ]),
    ["tag", { type: "tag", name: "v1" }],
    ["no ref", undefined],
  ];
}

/** Answers questions by a configuration, in order. */
export function answerQuestions(
  config: ServerConfig,
  questions: readonly MatrixQuestion[],
): readonly MatrixEntry[] {
  const registry = new CacheRegistry(config, DECIDE_ONLY);
  return questions.map(({ cache, repository, ref, name }) => {
    const { effect, reason } = registry.authorize(
      cache,
      ref === undefined ? { repository } : { repository, ref },
    );
    return { cache, repository, ref: name, effect, reason };
  });
}

/** Compares two answers to the same questions. */
export function compareEntries(
  before: readonly MatrixEntry[],
  after: readonly MatrixEntry[],
): readonly MatrixChange[] {
  return after.flatMap((entry, index) => {
    const effect = before[index]?.effect ?? "deny";
    return effect === entry.effect ? [] : [{ ...entry, before: effect }];
  });
}
