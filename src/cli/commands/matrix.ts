import { loadServerConfig } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT, usage } from "../exit-codes.ts";
import { findWiderRules, type WiderRule } from "../find-wider-rules.ts";
import { formatHtml, type HtmlPage } from "../format-html.ts";
import {
  answerQuestions,
  compareEntries,
  type MatrixChange,
  type MatrixEntry,
  type MatrixScope,
  toMatrixQuestions,
} from "../matrix-entries.ts";
import { type Output, show } from "../output.ts";
import { runCommand } from "../run-command.ts";
import { formatMarkdown, formatTable } from "../table.ts";

type MatrixFlags = CommonFlags &
  MatrixScope & {
    readonly format: "table" | "md" | "json" | "html";
    readonly diff?: string | undefined;
    readonly denyOpening: boolean;
  };

export async function matrix(this: CliContext, flags: MatrixFlags): Promise<void> {
  await runCommand(this, { json: flags.json || flags.format === "json" }, async (output) => {
    if (flags.denyOpening && flags.diff === undefined)
      throw usage("--deny-opening compares two files; name the older one with --diff");
    const config = await loadServerConfig(flags.config);
    const former = flags.diff === undefined ? undefined : await loadServerConfig(flags.diff);
    const asked = toMatrixQuestions([config, ...(former === undefined ? [] : [former])], flags);
    const entries = answerQuestions(config, asked);
    if (former === undefined) {
      print(output, entries, flags);
      return EXIT.ok;
    }
    const changes = compareEntries(answerQuestions(former, asked), entries);
    const rules = findWiderRules(former, config);
    printChanges(output, changes, rules, flags);
    const opens = changes.some(({ effect }) => effect === "allow") || rules.length > 0;
    return opens && flags.denyOpening ? EXIT.files : EXIT.ok;
  });
}

const HEADS = ["cache", "repository", "what was built", "answer", "why"];

function print(output: Output, entries: readonly MatrixEntry[], flags: MatrixFlags): void {
  if (flags.json || flags.format === "json") {
    output.json({ entries });
    return;
  }
  const rows = entries.map(({ cache, repository, ref, effect, reason }) =>
    [cache, repository, ref, effect, reason].map(show),
  );
  if (flags.format === "html") output.print(formatHtml(toPage(entries)));
  else if (flags.format === "md") for (const line of formatMarkdown(HEADS, rows)) output.print(line);
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
  changes: readonly MatrixChange[],
  rules: readonly WiderRule[],
  flags: MatrixFlags,
): void {
  if (flags.json || flags.format === "json") {
    output.json({ changes, rules });
    return;
  }
  if (flags.format === "html") {
    output.print(formatHtml(toChangesPage(changes, rules)));
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

const TITLE = "Who may push where";

function toPage(entries: readonly MatrixEntry[]): HtmlPage {
  return {
    title: TITLE,
    notes: [
      "A name with any-name-at-all is an example for every repository or branch that a pattern with * allows.",
      "a-stranger/a-repository, any-other-branch and the fork a-fork/of-it are examples of what no pattern names.",
    ],
    columns: [
      { head: "Cache", filter: "choice" },
      { head: "Repository", filter: "text" },
      { head: "What was built", filter: "text" },
      { head: "Answer", filter: "choice" },
      { head: "Why" },
    ],
    rows: entries.map(({ cache, repository, ref, effect, reason }) => ({
      cells: [cache, repository, ref, effect, reason],
      tone: effect === "allow" ? "green" : "red",
    })),
    toneColumn: 3,
  };
}

function toChangesPage(changes: readonly MatrixChange[], rules: readonly WiderRule[]): HtmlPage {
  const wider = rules.map(({ cache, rule }) => `${cache}: ${rule}`);
  return {
    title: `${TITLE}: what changes`,
    notes: changes.length + wider.length === 0 ? ["Nothing changes for these repositories and refs."] : wider,
    columns: [
      { head: "Change", filter: "choice" },
      { head: "Cache", filter: "choice" },
      { head: "Repository", filter: "text" },
      { head: "What was built", filter: "text" },
      { head: "Why" },
    ],
    rows: changes.map(({ cache, repository, ref, effect, reason }) => ({
      cells: [effect === "allow" ? "opens" : "closes", cache, repository, ref, reason],
      tone: effect === "allow" ? "red" : "green",
    })),
    toneColumn: 0,
  };
}
