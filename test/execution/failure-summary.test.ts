import { expect, it } from "vitest";
import { summarizeFailure } from "../../src/execution/failure-summary.ts";

const summarize = (stderr: string, stdout = ""): string =>
  summarizeFailure({
    ...{ outcome: "failed", exitCode: 1, signal: null, durationMs: 1, truncated: false },
    ...{ stderr, stdout },
  });

const BODY = (code: string, message: string): string =>
  `error: unable to download 'http://h/nix-cache-info': HTTP error 400\n\n       response body:\n\n       <Error><Code>${code}</Code><Message>${message}</Message>\n</Error>`;

it.each([
  ["copying\nerror: it broke\n", ": error: it broke"],
  ["error: it broke\n</html>\n", ": error: it broke"],
  ["nothing says error\nx\n", ": x"],
  ["", ""],
  [
    "error:\n       while copying\n       error: it broke\n",
    ": error: it broke; the first error was error: while copying",
  ],
  [
    "warning: error: HTTP error 503; retrying in 297 ms\nerror: HTTP error 413\n",
    ": error: HTTP error 413; the first error was warning: error: HTTP error 503; retrying in 297 ms",
  ],
  [
    BODY("ExpiredToken", "The provided token has expired."),
    `: error: unable to download 'http://h/nix-cache-info': HTTP error 400; the server's own words: "ExpiredToken: The provided token has expired."`,
  ],
])("%j is quoted as %s", (stderr, expected) => {
  expect(summarize(stderr)).toBe(expected);
});

it("what a server writes is bounded, on one line, and marked as the server's", () => {
  const summary = summarize(BODY("X", `\u001b[2Jdone\n       error: ${"y".repeat(900)}`));
  expect(summary).toMatch(/; the server's own words: "X: /u);
  expect(summary.length).toBeLessThan(500);
  expect(summary).toMatch(/^[\x20-\x7e]+$/u);
});

it("the standard output is quoted where nothing else was printed", () => {
  expect(summarize("", "error: on stdout")).toBe(": error: on stdout");
});
