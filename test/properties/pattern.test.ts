import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isBranchName } from "../../src/policy/git-ref.ts";
import { compilePattern, findPatternProblem, type PatternKind } from "../../src/policy/pattern.ts";
import { PatternList } from "../../src/policy/pattern-list.ts";
import { isRepositoryName } from "../../src/policy/repository-name.ts";

/**
 * The grammar, read as naively as possible: `*` is any run, everything else is itself. Linear, two pointers.
 */
function matchNaively(kind: PatternKind, pattern: string, name: string): boolean {
  const crosses = (unit: string | undefined): boolean => kind === "branch" || unit !== "/";
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      resume = index;
    } else if (at < pattern.length && pattern[at] === name[index]) {
      at++;
      index++;
    } else if (star >= 0 && crosses(name[resume])) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** mulberry32: a small generator, so that a million cases need no million objects. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function replaceAt(text: string, index: number, part: string): string {
  return text.slice(0, index) + part + text.slice(index + 1);
}

const toLowerCase = (text: string): string => text.replaceAll(/[A-Z]/gu, (letter) => letter.toLowerCase());

const ALPHABET = [..."ab/.-_+@=#,A*"];
const NAME_ALPHABET = [..."ab/.-_+@=#,A", "{", "\u2028", "é", "\u{1f600}"];

describe("patterns", () => {
  it.each<PatternKind>(["branch", "repository"])(
    "agree with a naive oracle in half a million %s cases",
    (kind) => {
      const random = createRandom(20_261_122);
      const pick = (alphabet: readonly string[]): string =>
        alphabet[Math.floor(random() * alphabet.length)] ?? "";
      const run = (alphabet: readonly string[], longest: number): string =>
        Array.from({ length: Math.floor(random() * longest) }, () => pick(alphabet)).join("");
      const isName = kind === "branch" ? isBranchName : isRepositoryName;
      let cases = 0;
      let matches = 0;
      const differences: string[] = [];
      while (cases < 500_000) {
        const pattern = pick(ALPHABET) + run(ALPHABET, 10);
        if (findPatternProblem(kind, pattern) !== undefined) continue;
        const list = new PatternList(kind, [pattern]);
        for (let round = 0; round < 40; round++) {
          const near = pattern.replaceAll("*", () => run(NAME_ALPHABET, 4));
          const name =
            random() < 0.6 ? near : replaceAt(near, Math.floor(random() * near.length), pick(NAME_ALPHABET));
          if (!isName(name)) continue;
          cases++;
          const expected = matchNaively(kind, pattern, name);
          if (expected) matches++;
          if ((list.find(name) !== undefined) !== expected) differences.push(`${pattern} ~ ${name}`);
          if (expected || round % 4 > 0) continue;
          const isNear = matchNaively(kind, toLowerCase(pattern), toLowerCase(name));
          if (list.explainDenial(name).includes("only by case") !== isNear)
            differences.push(`${pattern} is near to ${name}`);
        }
      }
      expect(differences).toEqual([]);
      expect(matches).toBeGreaterThan(100_000);
      expect(cases - matches).toBeGreaterThan(50_000);
    },
    120_000,
  );

  it("either compile or are refused, and never hang, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.constantFrom<PatternKind>("branch", "repository"),
        (text, kind) => {
          const problem = findPatternProblem(kind, text);
          if (problem === undefined) expect(compilePattern(kind, text).source).toBe(text);
          else
            expect(() => compilePattern(kind, text)).toThrow(
              expect.objectContaining({ code: "ERR_PATTERN_INVALID" }),
            );
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("never match what lacks their literal text", () => {
    const literal = fc.stringMatching(/^[a-z]{1,6}$/u);
    fc.assert(
      fc.property(literal, literal, literal, (before, after, name) => {
        expect(compilePattern("branch", `${before}*${after}`).matches(name)).toBe(
          name.startsWith(before) && name.endsWith(after) && name.length >= before.length + after.length,
        );
      }),
    );
  });

  it("answer the longest names in bounded time", () => {
    const patterns = ["*a*", "a*a", "*a*b", "*/x/*", `${"a".repeat(100)}*${"a".repeat(100)}`];
    const names = ["a".repeat(255), `${"a/".repeat(127)}b`, `${"x/".repeat(127)}y`];
    const compiled = patterns.map((pattern) => compilePattern("branch", pattern));
    const start = performance.now();
    for (let round = 0; round < 100; round++) {
      for (const pattern of compiled) for (const name of names) pattern.matches(name);
    }
    // Backtracking that explodes takes minutes; this is about hanging, not about speed.
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
