import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isBranchName, isTagName } from "../../src/policy/git-ref.ts";
import { describeWith } from "../support/requirement.ts";

function gitAccepts(args: readonly string[]): boolean {
  try {
    execFileSync("git", ["check-ref-format", ...args], { stdio: "ignore", cwd: "/" });
    return true;
  } catch {
    return false;
  }
}

const units = fc.constantFrom(
  ...[
    "a",
    "b",
    "/",
    ".",
    "..",
    "-",
    "@",
    "{",
    "@{",
    "~",
    "^",
    ":",
    "?",
    "*",
    "[",
    "\\",
    " ",
    "\t",
    "\u007f",
    "\u0001",
  ],
  ...[".lock", "HEAD", "refs/heads/", "é", "\u202e", "\u2028", "\u{1f600}", "+", "$", "`", "|", "!", "%2f"],
);

describeWith("git", "names", () => {
  it("of branches are those that git check-ref-format --branch accepts", () => {
    const name = fc.array(units, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(name, (text) => {
        expect(isBranchName(text), JSON.stringify(text)).toBe(gitAccepts(["--branch", text]));
      }),
      { numRuns: 1_500 },
    );
  }, 120_000);

  it("of tags are those that git accepts, but for a leading hyphen, which git tag refuses", () => {
    const name = fc.array(units, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(name, (text) => {
        expect(isTagName(text), JSON.stringify(text)).toBe(
          !text.startsWith("-") && gitAccepts([`refs/tags/${text}`]),
        );
      }),
      { numRuns: 500 },
    );
  }, 120_000);
});
