import type { FailureMeaning } from "../core/cloud-codes.ts";

/** Words of a tool or a server, and what they mean. */
export interface FailureWords {
  readonly pattern: RegExp;
  readonly means: FailureMeaning;
  /** Who prints them. */
  readonly by: string;
}

/**
 * Statuses with a special meaning. Other statuses from 400 to 499 are `refused`, and from 500 to 599 `broken`
 * (RFC 9110, section 15).
 */
export const STATUSES: Readonly<Record<number, FailureMeaning>> = {
  401: "unauthorized",
  403: "unauthorized",
  405: "misconfigured",
  407: "misconfigured",
  408: "broken",
  411: "misconfigured",
  421: "broken",
  425: "broken",
  429: "busy",
  // nginx: the client went away.
  499: "broken",
  501: "misconfigured",
  503: "busy",
  505: "misconfigured",
  507: "misconfigured",
  511: "misconfigured",
  // Cloudflare: the origin server is down, unreachable or not trusted.
  521: "away",
  522: "away",
  523: "away",
  525: "misconfigured",
  526: "misconfigured",
  529: "busy",
};

const AWS = "S3 and its kin, up to Nix 2.32 without their code";
const NIX = "Nix";
const ATTIC = "Attic";
const CACHIX = "Cachix";
const SYSTEM = "the C library, and the runtimes of Rust and Haskell";

/** Failures that only words reveal. The first match counts. */
export const WORDS: readonly FailureWords[] = [
  { pattern: /\brequest signature we calculated does not match\b/iu, means: "unauthorized", by: AWS },
  { pattern: /\bAccess Key Id you provided does not exist\b/iu, means: "unauthorized", by: AWS },
  { pattern: /\bprovided token has expired\b/iu, means: "unauthorized", by: AWS },
  {
    pattern: /\bsecurity token included in the request is (?:invalid|expired)\b/iu,
    means: "unauthorized",
    by: AWS,
  },
  { pattern: /: Access Denied\b/u, means: "unauthorized", by: AWS },
  { pattern: /\bspecified bucket (?:does not exist|is not valid)\b/iu, means: "misconfigured", by: AWS },
  { pattern: /\bbucket you are attempting to access must be addressed\b/iu, means: "misconfigured", by: AWS },
  { pattern: /\bauthorization header is malformed\b/iu, means: "misconfigured", by: AWS },
  { pattern: /\bimplies functionality that is not implemented\b/iu, means: "misconfigured", by: AWS },
  { pattern: /\bproposed upload exceeds the maximum\b/iu, means: "refused", by: AWS },
  { pattern: /\bspecified key does not exist\b/iu, means: "refused", by: AWS },
  { pattern: /\breduce your request rate\b/iu, means: "busy", by: AWS },
  { pattern: /\brequest time and the (?:current|server's) time is too large\b/iu, means: "broken", by: AWS },
  { pattern: /\bnot read from or written to within the timeout period\b/iu, means: "broken", by: AWS },
  { pattern: /\bencountered an internal error\b/iu, means: "broken", by: AWS },
  { pattern: /\bconflicting conditional operation is currently in progress\b/iu, means: "broken", by: AWS },
  {
    pattern: /\bUnable to connect to endpoint\b|\bnetwork error when sending http request\b/iu,
    means: "away",
    by: AWS,
  },

  { pattern: /^[ \t]*Error: (?:Unauthorized|AccessError)\b/mu, means: "unauthorized", by: ATTIC },
  { pattern: /\bNoSuchCache\b/u, means: "misconfigured", by: ATTIC },
  { pattern: /\bRequestError\b/u, means: "misconfigured", by: ATTIC },
  { pattern: /\bInvalid cache reference\b/u, means: "misconfigured", by: ATTIC },
  { pattern: /\bNoSuchObject\b|\bInvalidStorePath\b|\bNarHashMismatch\b/u, means: "refused", by: ATTIC },
  { pattern: /\bIncompleteNar\b/u, means: "broken", by: ATTIC },
  {
    pattern: /^[ \t]*Error: (?:InternalServerError|StorageError|DatabaseError)\b/mu,
    means: "broken",
    by: ATTIC,
  },

  { pattern: /\bdoesn't exist or you don't have access\b/u, means: "unauthorized", by: CACHIX },
  { pattern: /\bneed a token\b|\bNeither auth token nor signing key\b/iu, means: "unauthorized", by: CACHIX },
  {
    pattern: /\bBinary cache \S+ does not exist\b|\bBinaryCacheNotFound\b/u,
    means: "misconfigured",
    by: CACHIX,
  },
  { pattern: /\bNAR hash mismatch\b/iu, means: "broken", by: CACHIX },
  {
    pattern: /(?:^|: )(?:Unauthorized|Forbidden)[ \t]*$/imu,
    means: "unauthorized",
    by: `${ATTIC} and ${CACHIX}`,
  },

  {
    pattern: /\bHandshakeFailed\b|\bcertificate (?:has expired|rejected)\b/u,
    means: "misconfigured",
    by: CACHIX,
  },
  { pattern: /\binvalid peer certificate\b|\bUnknownIssuer\b/u, means: "misconfigured", by: "rustls" },
  {
    pattern: /\bcertificate verify failed\b|\bself[- ]signed certificate\b/iu,
    means: "misconfigured",
    by: "OpenSSL",
  },

  { pattern: /\bNix daemon disconnected unexpectedly\b/u, means: "away", by: NIX },
  { pattern: /\bcannot connect to (?:socket|daemon)\b/u, means: "away", by: NIX },
  {
    pattern: /\bSQLite database\b.{0,300}\bis busy\b|\bdatabase is locked\b/u,
    means: "away",
    by: "Nix and SQLite",
  },
  {
    pattern: /\bdon't know how to (?:open|build)\b|\bCannot parse Nix store\b/u,
    means: "misconfigured",
    by: NIX,
  },
  {
    pattern: /\bunrecognised flag\b|\bexperimental (?:Nix )?feature '[^'\n]{0,100}' is disabled\b/u,
    means: "misconfigured",
    by: NIX,
  },
  { pattern: /\bis for Nix stores with prefix\b/u, means: "misconfigured", by: NIX },
  {
    pattern: /\bunknown compression method\b|\boption '[^'\n]{0,100}' has invalid value\b/u,
    means: "misconfigured",
    by: NIX,
  },
  // A page that a server returns for every request, for example during maintenance, or a truncated narinfo.
  {
    pattern: /\bNAR info file\b.{0,300}\bis corrupt\b|\binput compression not recognized\b/u,
    means: "broken",
    by: NIX,
  },
  { pattern: /\bis not valid\b|\blacks a (?:valid )?signature\b/u, means: "refused", by: NIX },
  { pattern: /\bunexpected end-of-file\b|\binterrupted by the user\b/u, means: "broken", by: NIX },

  { pattern: /\bname resolution\b|\bresolving timed out\b|\bdns error\b/iu, means: "away", by: SYSTEM },
  {
    pattern: /\bConnection (?:refused|timed out|reset)\b|\bConnectionTimeout\b|\bConnectionFailure\b/iu,
    means: "away",
    by: SYSTEM,
  },
  {
    pattern: /\b(?:No route to host|Network is (?:unreachable|down)|Host is down)\b/iu,
    means: "away",
    by: SYSTEM,
  },
  { pattern: /\boperation timed out\b/iu, means: "away", by: SYSTEM },
  { pattern: /\bunexpected EOF\b|\bBroken pipe\b|\bIncompleteMessage\b/iu, means: "broken", by: SYSTEM },
  {
    pattern: /\bconnection closed before message completed\b|\bwas not closed cleanly\b/iu,
    means: "broken",
    by: SYSTEM,
  },
  {
    pattern: /\b(?:ResponseTimeout|NoResponseDataReceived)\b|\berror sending request for url\b/u,
    means: "broken",
    by: SYSTEM,
  },
  {
    pattern: /\bNo space left on device\b|\bToo many open files\b|\bCannot allocate memory\b/iu,
    means: "broken",
    by: SYSTEM,
  },
];
