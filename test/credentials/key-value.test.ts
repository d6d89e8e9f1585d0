import { CredentialError } from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKeyValue } from "../../src/credentials/key-value.ts";

const origin = { sourceType: "file", name: "/etc/keys" };
const parse = (text: string | Uint8Array): Record<string, string> => {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return Object.fromEntries([...parseKeyValue(bytes, origin)].map(([key, value]) => [key, value.expose()]));
};

describe("KEY=VALUE text", () => {
  it.each<[text: string, expected: Record<string, string>]>([
    ["A=b", { A: "b" }],
    ["A=b\nC=d\n", { A: "b", C: "d" }],
    ["A=b\r\nC=d\r\n", { A: "b", C: "d" }],
    ["\ufeffA=b", { A: "b" }],
    ["# comment\n; another\n\n  \nA=b", { A: "b" }],
    ["export A=b", { A: "b" }],
    ["  A = b  ", { A: "b" }],
    ["A=b#c", { A: "b#c" }],
    ["A=b #c", { A: "b #c" }],
    ["A=b=c==", { A: "b=c==" }],
    ["A='b c'", { A: "b c" }],
    ["A='b\\c#\"$x'", { A: 'b\\c#"$x' }],
    ['A="b c"', { A: "b c" }],
    ['A="b\\"c\\\\d\\$e\\`f"', { A: 'b"c\\d$e`f' }],
    ["A=$HOME", { A: "$HOME" }],
    ['A=b"c', { A: 'b"c' }],
    ["A=wJalr/K7+b==", { A: "wJalr/K7+b==" }],
  ])("%j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each<[name: string, text: string, place: string]>([
    ["no equals sign", "A=b\ncanary-4f1d9c", "line 2"],
    ["a value alone", "canary-4f1d9c", "line 1"],
    ["a padded token alone", "canary4f1d9cQ==", "line 1"],
    ["a token padded once alone", "canary4f1d9cQ=", "line 1"],
    ["a token with slashes alone", "canary/4f1d9c==", "line 1"],
    ["a URL", "https://user:canary-4f1d9c@host/?a=b", "line 1"],
    ["a colon in place of the equals sign", "A: canary/4f1d9c=", "line 1"],
    ["a no-break space at the end", "A=canary-4f1d9c\u00a0\u0085", "A"],
    ["an empty value", "A=", "A"],
    ["an empty quoted value", "A=''", "A"],
    ["no key", "=canary-4f1d9c", "line 1"],
    ["a bad key", "A B=canary-4f1d9c", "line 1"],
    ["a key with a hyphen", "a-b=canary-4f1d9c", "line 1"],
    ["a key that changes the child", "LD_PRELOAD=canary-4f1d9c", "LD_PRELOAD"],
    ["a lone CR", "A=canary-4f1d9c\rB=x", "A"],
    ["PATH", "PATH=canary-4f1d9c", "PATH"],
    ["a key twice", "A=canary-4f1d9c\nA=canary-4f1d9c", "line 2"],
    ["a NUL", "A=canary-4f1d9c\0", "A"],
    ["a tab inside", "A=canary\t4f1d9c", "A"],
    ["an open single quote", "A='canary-4f1d9c", "A"],
    ["an open double quote", 'A="canary-4f1d9c', "A"],
    ["text behind a quote", "A='b' canary-4f1d9c", "A"],
    ["an unknown escape", 'A="canary\\n4f1d9c"', "A"],
    ["a backslash without quotes", "A=canary\\4f1d9c", "single quotes"],
    ["nothing", "\n# only comments\n", "KEY=VALUE"],
    ["JSON", '{"A": "canary-4f1d9c"}', "JSON"],
    ["INI", "[default]\nA=canary-4f1d9c", "aws-profile"],
  ])("refuses %s, naming the place and not the text", (_name, text, place) => {
    expect(() => parse(text)).toThrow(CredentialError);
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "ERR_CREDENTIAL_MALFORMED" }));
    expect(() => parse(text)).toThrow(place);
    expect(() => parse(text)).not.toThrow(/canary|4f1d9c/u);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parse(new Uint8Array([0x41, 0x3d, 0xff]))).toThrow(CredentialError);
  });

  it("reads back every printable value in single quotes, and never throws anything else", () => {
    const value = fc.string({ unit: "grapheme-ascii", minLength: 1 }).filter((text) => !text.includes("'"));
    fc.assert(fc.property(value, (text) => void expect(parse(`A='${text}'`)).toEqual({ A: text })));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CredentialError);
        }
      }),
    );
  });
});
