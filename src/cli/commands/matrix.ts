import {
  CacheRegistry,
  type Decision,
  type GitRef,
  loadServerConfig,
  type ServerConfig,
} from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT, usage } from "../exit-codes.ts";
import { findWiderRules, type WiderRule } from "../find-wider-rules.ts";
import { type Output, show } from "../output.ts";
import { runCommand } from "../run-command.ts";
import { formatMarkdown, formatTable } from "../table.ts";

type MatrixFlags = CommonFlags & {
  readonly repo?: readonly string[] | undefined;
  readonly branch?: readonly string[] | undefined;
  readonly format: "table" | "md" | "json";
  readonly diff?: string | undefined;
  readonly denyOpening: boolean;
};

/** One question of the matrix, and its answer. */
interface Entry {
  readonly cache: string;
  readonly repository: string;
  readonly ref: string;
  readonly effect: Decision["effect"];
  readonly reason: Decision["reason"];
}

/** An entry whose answer differs between two configurations. */
interface Change extends Entry {
  readonly before: Decision["effect"];
}

/** A repository that no pattern of a configuration would name. */
const STRANGER = "a-stranger/a-repository";

export async function matrix(this: CliContext, flags: MatrixFlags): Promise<void> {
  await runCommand(this, { json: flags.json || flags.format === "json" }, async (output) => {
    if (flags.denyOpening && flags.diff === undefined)
      throw usage("--deny-opening compares two files; name the older one with --diff");
    const config = await loadServerConfig(flags.config);
    const former = flags.diff === undefined ? undefined : await loadServerConfig(flags.diff);
    const asked = toQuestions([config, ...(former === undefined ? [] : [former])], flags);
    const entries = answer(config, asked);
    if (former === undefined) {
      print(output, entries, flags);
      return EXIT.ok;
    }
    const changes = compare(answer(former, asked), entries);
    const rules = findWiderRules(former, config);
    printChanges(output, changes, rules, flags);
    const opens = changes.some(({ effect }) => effect === "allow") || rules.length > 0;
    return opens && flags.denyOpening ? EXIT.files : EXIT.ok;
  });
}

interface Question {
  readonly cache: string;
  readonly repository: string;
  readonly ref: GitRef | undefined;
  readonly name: string;
}

/** What stands for a `*`. A longer pattern that happens to match it would hide what a shorter one opens. */
const ANY_NAME = "any-name-at-all";

/** The names that stand in the patterns of a list, as examples of what they let through: `*` is their only wildcard. */
function toExamples(patterns: readonly string[] | undefined): readonly string[] {
  return (patterns ?? []).map((pattern) => pattern.replaceAll("*", ANY_NAME));
}

function toQuestions(configs: readonly ServerConfig[], flags: MatrixFlags): readonly Question[] {
  const caches = configs.flatMap((config) => config.caches);
  const named = flags.repo ?? [];
  const known = caches.flatMap(({ permissions }) => toExamples(permissions.allowedRepos));
  const repositories = [...new Set(named.length > 0 ? named : [...known, STRANGER])];
  const branches = new Set([
    ...(flags.branch ?? []),
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
  // A fork names its branch as it likes, so it is asked for with each.
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

function answer(config: ServerConfig, questions: readonly Question[]): readonly Entry[] {
  const registry = new CacheRegistry(config);
  return questions.map(({ cache, repository, ref, name }) => {
    const { effect, reason } = registry.authorize(
      cache,
      ref === undefined ? { repository } : { repository, ref },
    );
    return { cache, repository, ref: name, effect, reason };
  });
}

/** Both answer the same questions, in their order. */
function compare(before: readonly Entry[], after: readonly Entry[]): readonly Change[] {
  return after.flatMap((entry, index) => {
    const effect = before[index]?.effect ?? "deny";
    return effect === entry.effect ? [] : [{ ...entry, before: effect }];
  });
}

const HEADS = ["cache", "repository", "what was built", "answer", "why"];

function print(output: Output, entries: readonly Entry[], flags: MatrixFlags): void {
  if (flags.json || flags.format === "json") {
    output.json({ entries });
    return;
  }
  const rows = entries.map(({ cache, repository, ref, effect, reason }) =>
    [cache, repository, ref, effect, reason].map(show),
  );
  if (flags.format === "md") for (const line of formatMarkdown(HEADS, rows)) output.print(line);
  else
    for (const line of formatTable(
      HEADS,
      rows.map((row) => colour(row, output)),
      output.columns,
    ))
      output.print(line);
}

function colour(row: readonly string[], output: Output) {
  return row.map((text, index) => {
    if (index !== 3) return text;
    return { text, styled: output.style(text === "allow" ? "green" : "red", text) };
  });
}

function printChanges(
  output: Output,
  changes: readonly Change[],
  rules: readonly WiderRule[],
  flags: MatrixFlags,
): void {
  if (flags.json || flags.format === "json") {
    output.json({ changes, rules });
    return;
  }
  for (const { cache, rule } of rules)
    output.print(`${output.style("red", "opens ")}  ${show(cache)}  ${show(rule)}`);
  if (changes.length + rules.length === 0) output.print("Nothing changes for these repositories and refs");
  for (const { cache, repository, ref, effect, reason } of changes) {
    const word = effect === "allow" ? output.style("red", "opens ") : output.style("green", "closes");
    output.print(`${word}  ${show(cache)}  ${show(repository)}  ${show(ref)}  (${reason})`);
  }
}
