import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EscapeStripper } from "../../src/execution/escape-stripper.ts";
import { Redactor } from "../../src/execution/redactor.ts";

const redact = (secrets: readonly string[], pieces: readonly string[]): string => {
  const redactor = new Redactor(secrets);
  return pieces.map((piece) => redactor.push(piece)).join("") + redactor.end();
};

const SECRET = 'p@ss/"wörd"<&>+%*(4f1d9c)';

/** Escapes units as JSON may. */
const ascii = (text: string, units: RegExp): string =>
  text.replace(units, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

describe("terminal escape sequences", () => {
  const strip = (pieces: readonly string[]): string => {
    const stripper = new EscapeStripper();
    return pieces.map((piece) => stripper.push(piece)).join("");
  };
  const text =
    "a\u001b[31mred\u001b[0m b\u001b]8;;http://x\u0007link\u001b]8;;\u0007 c\u009b1mbold d\u001b[38;5;1m";

  it("are taken out wherever the text is cut, and nothing else is", () => {
    const whole = strip([text]);
    expect(["\u001b", "\u009b"].filter((introducer) => whole.includes(introducer))).toEqual([]);
    expect(whole).toContain("ared b");
    for (let cut = 0; cut <= text.length; cut++) {
      expect(strip([text.slice(0, cut), text.slice(cut)]), `cut at ${cut}`).toBe(whole);
    }
    expect(strip([...text])).toBe(whole);
    expect(strip(["plain [31m text\n"])).toBe("plain [31m text\n");
  });

  it.each([
    ["hunter2-\u001b(B\u001b[msecret", "hunter2-secret"],
    ["a\u001b#8b\u001b%Gc\u001b7d\u001bce", "abcde"],
    ["a\u009d0;title\u009cb", "ab"],
    ["a\u001b]never ended\nERROR ExpiredToken", "a\nERROR ExpiredToken"],
  ])("%j leaves %j", (written, expected) => {
    expect(strip([written])).toBe(expected);
    expect(strip([...written])).toBe(expected);
  });

  it("hold nothing back for long", () => {
    const stripper = new EscapeStripper();
    let shown = 0;
    for (let round = 0; round < 100; round++) shown += stripper.push(`\u001b${"x".repeat(1_000)}`).length;
    expect(shown).toBeGreaterThan(98_000);
  });
});

describe("the redactor", () => {
  it.each<[secrets: string[], text: string, expected: string]>([
    [["secret-one"], "a secret-one b", "a [redacted] b"],
    [["secret-one"], "secret-onesecret-one", "[redacted]"],
    [["secret-one", "secret-two"], "secret-one secret-two", "[redacted] [redacted]"],
    [["secret-one", "secret-one-and-more"], "x secret-one-and-more", "x [redacted]"],
    [["abcdefgh", "efghijkl"], "xabcdefghijkly", "x[redacted]y"],
    [["secret-one-and-more", "secret-one"], "x secret-one-and-more", "x [redacted]"],
    [["abcdefghijkl", "cdefghij"], "xabcdefghijkly", "x[redacted]y"],
    [["AAsecret-one-long", "secret-one"], "x AAsecret-one-long y", "x [redacted] y"],
    [["aaaaaaaa"], "aaaaaaaaaaaab", "[redacted]b"],
    [["short"], "short", "short"],
    [[], "anything", "anything"],
    [["secret-one"], "secret-on", "secret-on"],
  ])("%j in %j", (secrets, text, expected) => {
    expect(redact(secrets, [text])).toBe(expected);
    expect(redact(secrets, [...text])).toBe(expected);
  });

  it.each([
    ["as it is", SECRET],
    ["in JSON", JSON.stringify(SECRET).slice(1, -1)],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in a URL in lower case", encodeURIComponent(SECRET).replace(/%../gu, (code) => code.toLowerCase())],
    ["in a path", encodeURI(SECRET)],
    ["in a form", new URLSearchParams({ a: SECRET }).toString().slice(2)],
    ["in JSON as Python writes it", ascii(JSON.stringify(SECRET), /[^\x20-\x7e]/gu).slice(1, -1)],
    ["in JSON as Go writes it", ascii(JSON.stringify(SECRET), /[<>&]/gu).slice(1, -1)],
    ["in JSON with escaped slashes", JSON.stringify(SECRET).slice(1, -1).replaceAll("/", "\\/")],
    [
      "in a URL as RFC 3986 has it",
      encodeURIComponent(SECRET).replace(
        /[!'()*]/gu,
        (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    ],
    ["as the password of a URL", Object.assign(new URL("http://h"), { password: SECRET }).password],
    ["in base64", Buffer.from(SECRET).toString("base64").replace(/=+$/u, "")],
    ["in base64url", Buffer.from(SECRET).toString("base64url")],
  ])("finds a secret %s", (_form, text) => {
    const shown = redact([SECRET], [`before ${text} behind`]);
    // The last character of base64 depends on what follows, so it may stay.
    expect(shown).toMatch(/^before \[redacted\].? behind$/u);
  });

  it.each(["", "u", "us", "user:", "someone:"])("finds a secret in base64 behind %j", (before) => {
    for (const after of ["", "x", "xy", "xyz"]) {
      const encoded = Buffer.from(before + SECRET + after).toString("base64");
      const shown = redact([SECRET], [encoded]);
      expect(shown).toContain("[redacted]");
      expect(shown.replace("[redacted]", "").length).toBeLessThan(encoded.length - 20);
    }
  });

  it("gives the same wherever the text is cut", () => {
    const text = `x ${SECRET} y ${encodeURIComponent(SECRET)} ${SECRET.slice(0, 9)} ${SECRET}${SECRET} z`;
    const whole = redact([SECRET], [text]);
    expect(whole).not.toContain("4f1d9c");
    for (let cut = 0; cut <= text.length; cut++) {
      expect(redact([SECRET], [text.slice(0, cut), text.slice(cut)])).toBe(whole);
    }
    expect(redact([SECRET], [...text])).toBe(whole);
  });

  it("agrees with the whole text for any secrets, text and cuts, and never shows a secret", () => {
    const letters = fc.constantFrom("a", "b");
    const word = (minLength: number, maxLength: number) =>
      fc.array(letters, { minLength, maxLength }).map((units) => units.join(""));
    fc.assert(
      fc.property(
        fc.array(word(8, 12), { minLength: 1, maxLength: 3 }),
        fc.array(word(0, 30), { maxLength: 6 }),
        (secrets, pieces) => {
          const text = pieces.join("");
          const shown = redact(secrets, pieces);
          expect(shown).toBe(redact(secrets, [text]));
          for (const secret of secrets) expect(shown).not.toContain(secret);
          const covered = new Set<number>();
          for (const secret of secrets) {
            for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) {
              for (let index = at; index < at + secret.length; index++) covered.add(index);
            }
          }
          const kept = [...text].filter((_unit, index) => !covered.has(index)).join("");
          expect(shown.replaceAll("[redacted]", "")).toBe(kept);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("holds no more back than a secret is long", () => {
    const redactor = new Redactor(["aaaaaaaaaaaaaaab"]);
    let shown = 0;
    for (let round = 0; round < 1_000; round++) shown += redactor.push("a".repeat(100)).length;
    expect(shown).toBeGreaterThan(100_000 - 32);
  });

  it("holds no more back than its bound, however much space breaks what looks like a secret", () => {
    const redactor = new Redactor([SECRET]);
    const begun = Buffer.from(SECRET).toString("base64").slice(0, 12);
    let shown = redactor.push(begun).length;
    for (let round = 0; round < 1_000; round++) shown += redactor.push(" ".repeat(1_000)).length;
    expect(shown).toBeGreaterThan(1_000_000 - 1_000);
  });
});
