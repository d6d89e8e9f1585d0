import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { SignedInfo } from "../commands/signed-info.ts";
import { toReferencePaths } from "../commands/store-path.ts";
import { CommandError } from "../core/errors.ts";
import { toNix32 } from "../core/nix32.ts";
import type { Secret } from "../core/secret.ts";
import { PUBLIC_BYTES, readKeyText, SECRET_BYTES } from "./key-text.ts";

// The forms of Nix: https://nix.dev/manual/nix/latest/store/signatures.

/** How many signatures with the name of one key are checked. */
const MAX_SIGNATURES = 16;
/** The prefix of the 32 bytes of an Ed25519 key (https://www.rfc-editor.org/rfc/rfc8410). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** A public key that may have signed a path. */
export interface PublicKey {
  readonly name: string;
  readonly key: KeyObject;
}

/** Reads a public key, such as `cache.example.org-1:…`; nothing for an invalid text. */
export function parsePublicKey(text: string): PublicKey | undefined {
  const read = readKeyText(text, PUBLIC_BYTES);
  if (read === undefined) return undefined;
  const key = createPublicKey({ key: Buffer.concat([SPKI, read.bytes]), format: "der", type: "spki" });
  return { name: read.name, key };
}

/** The signed text of a path; nothing if a part of it is not known. */
function toFingerprint(storePath: string, { narHash, narSize, references }: SignedInfo): string | undefined {
  const hash = narHash === undefined ? undefined : toBase32Hash(narHash);
  if (hash === undefined || narSize === undefined || references === undefined) return undefined;
  const directory = storePath.slice(0, storePath.lastIndexOf("/"));
  // A set in Nix, in the order of bytes.
  const sorted = [...new Set(toReferencePaths(references, directory))].sort((one, other) =>
    one < other ? -1 : 1,
  );
  return ["1", storePath, `sha256:${hash}`, narSize, sorted.join(",")].join(";");
}

/** Reads a SHA-256 in any form of Nix, and writes it in base 32; nothing for an invalid text. */
export function toBase32Hash(hash: string): string | undefined {
  const [, base32] = /^sha256:([0-9a-df-np-sv-z]{52})$/u.exec(hash) ?? [];
  if (base32 !== undefined) return base32;
  const [, base16] = /^sha256:([0-9a-f]{64})$/u.exec(hash) ?? [];
  const [, base64] = /^sha256-([A-Za-z0-9+/]{43}=)$/u.exec(hash) ?? [];
  if (base16 !== undefined) return toNix32(Buffer.from(base16, "hex"));
  return base64 === undefined ? undefined : toNix32(Buffer.from(base64, "base64"));
}

/** Returns which keys really signed a path. */
export function findValidSigners(
  storePath: string,
  info: SignedInfo,
  keys: readonly PublicKey[],
): readonly string[] {
  return [...findValidSignatures(storePath, info, keys).keys()];
}

/** Finds the valid signatures of a path by given keys, by the names of the keys. */
export function findValidSignatures(
  storePath: string,
  info: SignedInfo,
  keys: readonly PublicKey[],
): ReadonlyMap<string, string> {
  const fingerprint = toFingerprint(storePath, info);
  if (fingerprint === undefined) return new Map();
  const text = Buffer.from(fingerprint);
  const found = new Map<string, string>();
  for (const { name, key } of keys) {
    const signature = info.signatures
      .filter((one) => one.startsWith(`${name}:`))
      .slice(0, MAX_SIGNATURES)
      .find((one) => {
        const read = readKeyText(one, SECRET_BYTES);
        return read !== undefined && verify(null, text, key, read.bytes);
      });
    if (signature !== undefined) found.set(name, signature);
  }
  return found;
}

/** A key that signs paths, as created by `nix-store --generate-binary-cache-key`. */
export class SigningKey {
  /** Its name, which is not a secret. */
  readonly name: string;
  /** `name:` and the public key in base 64. */
  readonly publicKey: string;
  readonly #key: KeyObject;

  /** @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS` */
  constructor(secret: Secret) {
    const read = readKeyText(secret.expose().trim(), SECRET_BYTES);
    if (read === undefined) {
      const message =
        "The signing key is not a key of Nix: a name, a colon and 64 bytes in base 64, as created by nix-store --generate-binary-cache-key";
      throw new CommandError("ERR_COMMAND_CREDENTIALS", message);
    }
    const [seed, publicHalf] = [read.bytes.subarray(0, PUBLIC_BYTES), read.bytes.subarray(PUBLIC_BYTES)];
    this.name = read.name;
    this.publicKey = `${read.name}:${publicHalf.toString("base64")}`;
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
    const derived = createPublicKey(this.#key).export({ format: "der", type: "spki" });
    if (!derived.subarray(SPKI.length).equals(publicHalf)) {
      const message = "The two halves of the signing key do not match; it was damaged";
      throw new CommandError("ERR_COMMAND_CREDENTIALS", message);
    }
  }

  /**
   * Signs a path. @returns the signature with the key's name; nothing if a part of the path is not known
   */
  sign(storePath: string, info: SignedInfo): string | undefined {
    const fingerprint = toFingerprint(storePath, info);
    if (fingerprint === undefined) return undefined;
    return `${this.name}:${sign(null, Buffer.from(fingerprint), this.#key).toString("base64")}`;
  }
}
