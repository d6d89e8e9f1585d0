import { generateKeyPairSync } from "node:crypto";
import { Secret } from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findValidSigners, parsePublicKey, SigningKey } from "../../src/binary-cache/path-signature.ts";
import { SignatureRule } from "../../src/binary-cache/signature-rule.ts";
import type { SignedInfo } from "../../src/commands/signed-info.ts";
import { fromNix32, toNix32 } from "../../src/core/nix32.ts";

// What Nix 2.8 said of a path after it had signed it with a key of its own.
const PATH = "/tmp/sg/n/store/kci3bqk98lprszyyd41kbg7bhpgj650w-f";
const PUBLIC = "k-1:KHFJ3P0r7q/H4q1xEnEWLH+3WCyNLxeRsaLSqADKCVE=";
const BY_NIX: SignedInfo = {
  narHash: "sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=",
  narSize: 120,
  references: [],
  signatures: [
    "k-1:tbIl3QszT9IoGNYzymlivCObQm94fKp4SAeCqsEP1bVE+5bpcf+bMvKseJmq14VdYQ9s5dwE//IOz1vdVB5JCQ==",
  ],
};

function makeKey(name: string): { readonly secret: Secret; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d = "", x = "" } = privateKey.export({ format: "jwk" });
  const [seed, pub] = [d, x].map((text) => Buffer.from(text, "base64url"));
  const whole = Buffer.concat([seed ?? Buffer.alloc(0), pub ?? Buffer.alloc(0)]);
  return {
    secret: new Secret(`${name}:${whole.toString("base64")}`),
    publicKey: `${name}:${pub?.toString("base64")}`,
  };
}
const toKeys = (...texts: readonly string[]) => texts.flatMap((text) => parsePublicKey(text) ?? []);

describe("signatures of paths", () => {
  it("of Nix are verified, in every form of the hash", () => {
    expect(findValidSigners(PATH, BY_NIX, toKeys(PUBLIC))).toEqual(["k-1"]);
    const bytes = Buffer.from(BY_NIX.narHash?.slice(7) ?? "", "base64");
    for (const narHash of [`sha256:${bytes.toString("hex")}`, `sha256:${toNix32(bytes)}`])
      expect(findValidSigners(PATH, { ...BY_NIX, narHash }, toKeys(PUBLIC))).toEqual(["k-1"]);
  });

  it.each<[what: string, path: string, info: Partial<SignedInfo>]>([
    ["another path", PATH.replace("-f", "-g"), {}],
    ["another size", PATH, { narSize: 121 }],
    ["other references", PATH, { references: ["0".repeat(32)] }],
    ["another hash", PATH, { narHash: `sha256:${"0".repeat(64)}` }],
    ["a hash of another kind", PATH, { narHash: `sha1:${"0".repeat(40)}` }],
    ["no size", PATH, { narSize: undefined }],
    ["no references", PATH, { references: undefined }],
    ["no signature", PATH, { signatures: [] }],
    ["a forged one", PATH, { signatures: [`k-1:${"A".repeat(86)}==`] }],
    ["the same under another name", PATH, { signatures: [`k-2${BY_NIX.signatures[0]?.slice(3)}`] }],
  ])("are of no use for %s", (_what, path, info) => {
    expect(findValidSigners(path, { ...BY_NIX, ...info }, toKeys(PUBLIC))).toEqual([]);
  });

  it("by our own key are verified, whatever the order of references", () => {
    const { secret, publicKey } = makeKey("own-1");
    const key = new SigningKey(secret);
    expect([key.name, key.publicKey]).toEqual(["own-1", publicKey]);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(), (hash, narSize) => {
        const references = ["b".repeat(32), "a".repeat(32)].map((name) => `${name}-x`);
        const info = { narHash: `sha256:${toNix32(hash)}`, narSize, references, signatures: [] };
        const signature = key.sign(PATH, info) ?? "";
        const directory = PATH.slice(0, PATH.lastIndexOf("/"));
        const whole = references.toReversed().map((name) => `${directory}/${name}`);
        const read = { ...info, references: whole, signatures: [signature] };
        expect(findValidSigners(PATH, read, toKeys(publicKey, PUBLIC))).toEqual(["own-1"]);
      }),
      { numRuns: 30 },
    );
  });

  it.each(["", "no-colon", "k:short", `k:${"A".repeat(43)}=`, `:${"A".repeat(86)}==`])(
    "are made by no key of the form %j, which is not shown",
    (text) => {
      expect(() => new SigningKey(new Secret(text))).toThrow(
        expect.objectContaining({
          code: "ERR_COMMAND_CREDENTIALS",
          message: expect.not.stringContaining("AAAA"),
        }),
      );
    },
  );
});

it("a key whose halves do not belong together signs nothing", () => {
  const [one, other] = [makeKey("k-1"), makeKey("k-1")].map(({ secret }) =>
    Buffer.from(secret.expose().slice(4), "base64"),
  );
  const mixed = Buffer.concat([one?.subarray(0, 32) ?? [], other?.subarray(32) ?? []].map(Buffer.from));
  expect(() => new SigningKey(new Secret(`k-1:${mixed.toString("base64")}`))).toThrow(
    expect.objectContaining({ code: "ERR_COMMAND_CREDENTIALS" }),
  );
});

describe("the rule of a cache", () => {
  const other = makeKey("other-1").publicKey;
  it.each<
    [requireSignature: string | undefined, trusted: readonly string[] | undefined, isAccepted: boolean]
  >([
    [undefined, undefined, true],
    ["k-1", undefined, true],
    ["k-2", undefined, false],
    [undefined, [PUBLIC], true],
    [undefined, [other], false],
    ["k-1", [PUBLIC, other], true],
    ["other-1", [PUBLIC, other], false],
  ])("require_signature %s and trusted keys %j: %s", (requireSignature, trustedPublicKeys, isAccepted) => {
    const rule = new SignatureRule({ requireSignature, trustedPublicKeys });
    expect(rule.accepts(PATH, BY_NIX)).toBe(isAccepted);
    expect(rule.toError([PATH])).toMatchObject({
      code: "ERR_SIGNATURE_MISSING",
      storePaths: [PATH],
    });
  });

  it("takes a forged signature where no key is trusted, since only names are compared", () => {
    const forged = { ...BY_NIX, signatures: [`k-1:${"A".repeat(86)}==`] };
    expect(new SignatureRule({ requireSignature: "k-1" }).accepts(PATH, forged)).toBe(true);
    const strict = new SignatureRule({ requireSignature: "k-1", trustedPublicKeys: [PUBLIC] });
    expect(strict.accepts(PATH, forged)).toBe(false);
  });
});

it("Nix's base 32 is read as it is written", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
      expect(fromNix32(toNix32(bytes), bytes.length)).toEqual(bytes);
    }),
  );
  // By nix-hash --to-base32.
  const hash = Buffer.from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hex");
  expect(toNix32(hash)).toBe("1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s");
});
