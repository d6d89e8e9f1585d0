import type { SignedInfo } from "../commands/signed-info.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { PushError } from "../core/errors.ts";
import { findValidSigners, type PublicKey, parsePublicKey } from "./path-signature.ts";

/** Which signatures the paths of a cache need. */
export class SignatureRule {
  readonly #required: string | undefined;
  readonly #trusted: readonly PublicKey[] | undefined;

  constructor({
    requireSignature,
    trustedPublicKeys,
  }: Pick<CacheDefinition, "requireSignature" | "trustedPublicKeys">) {
    this.#required = requireSignature;
    this.#trusted = trustedPublicKeys?.flatMap((text) => parsePublicKey(text) ?? []);
  }

  /** Whether a path has the required signature: by name, and if there are trusted keys, verified. */
  accepts(storePath: string, info: SignedInfo): boolean {
    if (this.#required === undefined && this.#trusted === undefined) return true;
    const names =
      this.#trusted === undefined
        ? info.signatures.map((signature) => signature.split(":")[0] ?? "")
        : findValidSigners(storePath, info, this.#trusted);
    return this.#required === undefined ? names.length > 0 : names.includes(this.#required);
  }

  /**
   * The error of paths that do not. @param names - the paths, for people; default their number
   */
  toError(storePaths: readonly string[], names = countPaths(storePaths)): PushError {
    const kind = this.#trusted === undefined ? "no signature" : "no valid signature";
    const by = this.#required === undefined ? "a trusted key" : this.#required;
    const message = `There is ${kind} by ${by} on ${names}; sign when building, or name a signing_key`;
    return new PushError("ERR_SIGNATURE_MISSING", message, storePaths);
  }
}

function countPaths({ length }: readonly string[]): string {
  return length === 1 ? "1 path" : `${length} paths`;
}
