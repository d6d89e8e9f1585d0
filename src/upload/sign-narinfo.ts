import type { Narinfo } from "../binary-cache/narinfo.ts";
import type { SigningKey } from "../binary-cache/path-signature.ts";
import { StagingError } from "./staging-error.ts";

/** A narinfo, byte for byte and read. */
export interface SignedNarinfo {
  readonly narinfo: Uint8Array;
  readonly parsed: Narinfo;
}

/** Adds the signature of a key to a narinfo. The key stays in this process: no child sees it. */
export function signNarinfo({ narinfo, parsed }: SignedNarinfo, key: SigningKey | undefined): SignedNarinfo {
  if (key === undefined) return { narinfo, parsed };
  const signature = key.sign(parsed.storePath, parsed);
  if (signature === undefined) throw new StagingError("There is a narinfo that cannot be signed");
  // Another signature by the same key would be ambiguous.
  const isOwn = (one: string): boolean => one.startsWith(`${key.name}:`);
  const lines = Buffer.from(narinfo).toString("utf8").split("\n");
  const kept = lines.filter((line) => line !== "" && !(line.startsWith("Sig: ") && isOwn(line.slice(5))));
  const signatures = [...parsed.signatures.filter((one) => !isOwn(one)), signature];
  const text = `${[...kept, `Sig: ${signature}`].join("\n")}\n`;
  return { narinfo: Buffer.from(text), parsed: { ...parsed, signatures } };
}
