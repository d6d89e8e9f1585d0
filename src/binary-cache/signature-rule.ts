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

  /** Whether a path carries the signature: by name, and where keys are trusted, by the signature itself. */
  accepts(storePath: string, info: SignedInfo): boolean {
    if (this.#required === undefined && this.#trusted === undefined) return true;
    const names =
      this.#trusted === undefined
        ? info.signatures.map((signature) => signature.split(":")[0] ?? "")
        : findValidSigners(storePath, info, this.#trusted);
    return this.#required === undefined ? names.length > 0 : names.includes(this.#required);
  }

  /** What it means that some paths do not. @param subject - says of which paths, as in "2 paths carry" */
  toError(subject: string, storePaths: readonly string[]): PushError {
    const kind = this.#trusted === undefined ? "no signature" : "no valid signature";
    const by = this.#required === undefined ? "a trusted key" : this.#required;
    const message = `${subject} ${kind} by ${by}; sign when building, or name a signing_key`;
    return new PushError("ERR_SIGNATURE_MISSING", message, storePaths);
  }
}
