import type { StoreParameter } from "../../core/cache.ts";
import { findNearest } from "../../core/suggestion.ts";
import { hasControlCharacter } from "../../core/text.ts";

/** Which store URL the parameters belong to. */
export type ParameterKind = "http" | "s3";

/** What Nix accepts as true or false, and as a size in bytes (measured with 2.8 and 2.34). */
const FLAG = /^(?:true|false|yes|no|1|0)$/u;
const SIZE = /^\d{1,15}[KMGT]?$/u;

// Settings of Nix's binary cache stores (`nix help-stores`) that change how an upload is written, and nothing
// about where it goes or which local files are read.
const UPLOAD_PARAMETERS: Readonly<Record<string, RegExp>> = {
  compression: /^(?:xz|bzip2|br|brotli|zstd|gzip|lzip|lz4|lzma|lrzip|compress|grzip|lzop|none)$/u,
  "parallel-compression": FLAG,
  "compression-level": /^-?\d{1,3}$/u,
  "write-nar-listing": FLAG,
  "index-debug-info": FLAG,
  "narinfo-compression": /^[a-z0-9]{1,16}$/u,
  "ls-compression": /^[a-z0-9]{1,16}$/u,
  "log-compression": /^[a-z0-9]{1,16}$/u,
  priority: /^\d{1,6}$/u,
  "want-mass-query": FLAG,
};

const S3_PARAMETERS: Readonly<Record<string, RegExp>> = {
  region: /^[A-Za-z0-9-]{1,64}$/u,
  profile: /^[A-Za-z0-9._@+=,-]{1,128}$/u,
  endpoint: /^[^?&#]{1,512}$/u,
  scheme: /^https?$/u,
  "multipart-upload": FLAG,
  "multipart-chunk-size": SIZE,
  "multipart-threshold": SIZE,
  "buffer-size": SIZE,
  "addressing-style": /^(?:path|virtual|auto)$/u,
  "storage-class": /^[A-Z_]{1,32}$/u,
};

const GRAMMARS: Readonly<Record<ParameterKind, ReadonlyMap<string, RegExp>>> = {
  http: new Map(Object.entries(UPLOAD_PARAMETERS)),
  s3: new Map(Object.entries({ ...UPLOAD_PARAMETERS, ...S3_PARAMETERS })),
};

/**
 * Settings of Nix stores that lead elsewhere, read local files or run programs; listed to be named in the
 * message.
 */
const REFUSED: ReadonlySet<string> = new Set([
  "base64-ssh-public-host-key",
  "local-nar-cache",
  "log",
  "real",
  "remote-program",
  "remote-store",
  "root",
  "secret-key",
  "secret-keys",
  "ssh-key",
  "state",
  "store",
  "tls-certificate",
  "tls-private-key",
  "trusted",
]);

/** Archives that must be thawed before they can be read. */
const UNREADABLE_CLASSES: ReadonlySet<string> = new Set(["GLACIER", "DEEP_ARCHIVE"]);

const HINTS: Readonly<Record<string, string>> = {
  "secret-key": "sign when building instead (secret-key-files in nix.conf)",
  "secret-keys": "sign when building instead (secret-key-files in nix.conf)",
};

/** Says why parameters are refused, or nothing. Values are never repeated. */
export function findParameterProblem(
  parameters: readonly StoreParameter[],
  kind: ParameterKind,
): string | undefined {
  const seen = new Set<string>();
  for (const [index, { name, value }] of parameters.entries()) {
    const grammar = GRAMMARS[kind].get(name);
    const problem = seen.has(name) ? "is given twice" : findProblem({ name, value }, kind, grammar);
    // An unknown name may be a secret in the wrong place.
    const isKnown = grammar !== undefined || REFUSED.has(name);
    if (problem !== undefined) return `The parameter ${isKnown ? name : index + 1} ${problem}`;
    seen.add(name);
  }
  return undefined;
}

function findProblem(
  { name, value }: StoreParameter,
  kind: ParameterKind,
  grammar: RegExp | undefined,
): string | undefined {
  if (grammar === undefined) return `is not supported${toHint(name, kind)}`;
  const decoded = decode(value);
  if (decoded === undefined || !grammar.test(decoded)) return "has no valid value";
  return name === "storage-class" && UNREADABLE_CLASSES.has(decoded)
    ? "names an archive, which cannot be read as a cache; GLACIER_IR can"
    : undefined;
}

function toHint(name: string, kind: ParameterKind): string {
  if (Object.hasOwn(HINTS, name)) return `; ${HINTS[name]}`;
  const nearest = findNearest(name, [...GRAMMARS[kind].keys()]);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

function decode(value: string): string | undefined {
  try {
    const decoded = decodeURIComponent(value);
    return hasControlCharacter(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}
