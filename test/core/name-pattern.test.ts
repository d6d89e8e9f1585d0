import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesNamePattern, NAME_PATTERN } from "../../src/core/name-pattern.ts";

describe("patterns of names", () => {
  it.each([
    ["*-source", "nix-2.34-source", true],
    ["*-source", "source", false],
    ["*-source", "nix-source.drv", false],
    ["*.iso", "nixos.iso", true],
    ["*.iso", ".iso", true],
    ["*-secrets-*", "app-secrets-1.0", true],
    ["*-secrets-*", "app-secret-1.0", false],
    ["hello", "hello", true],
    ["hello", "hello-2", false],
    ["a*a", "a", false],
    ["a*b*c", "a-b-b-c", true],
    ["a?b", "a?b", true],
    ["a?b", "axb", false],
    ["*", "anything", true],
  ])("%s and %s: %s", (pattern, name, isMatch) => {
    expect(NAME_PATTERN.test(pattern)).toBe(true);
    expect(matchesNamePattern(pattern, name)).toBe(isMatch);
  });

  it.each(["", "a/b", "a b", "[a]", "{a,b}", "a\n", "*".repeat(9), "a".repeat(212)])(
    "takes %j for no pattern",
    (pattern) => {
      expect(NAME_PATTERN.test(pattern)).toBe(false);
    },
  );

  it("match what a regular expression made of them matches", () => {
    const part = fc.stringMatching(/^[ab.+?]{0,4}$/u);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), part, part, (parts, one, other) => {
        const pattern = parts.join("*");
        const escaped = parts.map((text) => text.replaceAll(/[.+?]/gu, "\\$&")).join(".*");
        const expected = new RegExp(`^${escaped}$`, "su");
        for (const name of [one + other, parts.join(one), pattern.replaceAll("*", other)])
          expect(matchesNamePattern(pattern, name)).toBe(expected.test(name));
      }),
    );
  });
});
