import type { ExecutionResult } from "./executor.ts";

/**
 * What a failure means for another attempt.
 *
 * | class | meaning | another attempt |
 * |---|---|---|
 * | `permanent` | the request or the path is at fault | would fail the same way |
 * | `transient` | the network or the server is, for now | may succeed later |
 * | `credentials` | the credentials were not accepted | may succeed with fresh ones |
 * | `unknown` | the output says nothing that is known | is worth one try |
 *
 * @public
 */
export type FailureClass = "permanent" | "transient" | "credentials" | "unknown";

/** What is told by the output of a run that failed. */
export interface RunFailure {
  readonly failureClass: FailureClass;
  /** Whether no path would fare better: the server cannot be reached, or asks for patience. */
  readonly isWholeServer: boolean;
  /** Whether the server was there and refused, so that it may be one path that it refuses. */
  readonly isAnswered?: boolean | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

// What push tools and the services behind them print when they do not accept credentials: S3's error codes, the statuses
// 401 and 403 in the words of nix, cachix and attic, and what Nix up to 2.8 says of a cache that answers 401.
const CREDENTIAL_SIGNS: readonly RegExp[] = [
  /\b(?:ExpiredToken|InvalidAccessKeyId|InvalidToken|SignatureDoesNotMatch|AccessDenied|TokenRefreshRequired)\b/u,
  /\bHTTP (?:error|status)(?: code)?:? 40[13]\b/iu,
  /\bstatus(?: ?code)?:? 40[13]\b/iu,
  /\b40[13] (?:Unauthorized|Forbidden)\b/iu,
  /\b(?:Unauthorized|Forbidden)\b.*\b40[13]\b/iu,
  /\bstatusCode = 40[13]\b/u,
  /(?:^|: )(?:Unauthorized|Forbidden)\s*$/imu,
  // Nix up to 2.32 prints the message of S3's error alone.
  /: Access Denied\b/u,
  /AWS Access Key Id you provided does not exist/u,
  /The provided token has expired/u,
  /The security token included in the request is (?:invalid|expired)/u,
  /does not appear to be a binary cache/u,
  // Attic's client prints the name of the server's error and its message.
  /^Error: (?:Unauthorized|AccessError)\b/mu,
];

// The server cannot be reached: curl's words (CURLE 6, 7, 28, 35, 52, 55, 56), those of the C library, Rust's and Haskell's.
const UNREACHABLE_SIGNS: readonly RegExp[] = [
  /\b(?:Couldn't|Could not|Failed to) (?:resolve host|connect)/iu,
  /\bresolving timed out\b|\bname resolution\b|\bdns error\b/iu,
  /\bConnection (?:refused|timed out|reset)\b/iu,
  /\b(?:Timeout was reached|Operation timed out|operation timed out|ConnectionTimeout|ConnectionFailure)\b/u,
  /\bUnable to connect to endpoint\b/u,
  /\b(?:No route to host|Network is unreachable|Host is down)\b/iu,
];

// The server answers that it cannot now: statuses that ask for patience, and the codes of S3 that mean the same.
const BUSY_SIGNS: readonly RegExp[] = [
  /\bHTTP (?:error|status)(?: code)?:? (?:429|503)\b/iu,
  /\bstatus(?: ?code)?:? (?:429|503)\b|\bstatusCode = (?:429|503)\b/iu,
  /\b(?:429 Too Many Requests|503 Service Unavailable)\b/iu,
  /\bPlease reduce your request rate\b/u,
  /\b(?:SlowDown|Throttling\w*|TooManyRequests\w*|RequestLimitExceeded|ServiceUnavailable)\b/u,
];

// One request went wrong, and the next may not: other statuses worth a try (Nix's own list), S3's codes, broken transfers.
const TRANSIENT_SIGNS: readonly RegExp[] = [
  /\bHTTP (?:error|status)(?: code)?:? (?:408|499|5(?!01|05|11)\d\d)\b/iu,
  /\bstatus(?: ?code)?:? (?:408|499|5(?!01|05|11)\d\d)\b|\bstatusCode = (?:408|499|5(?!01|05|11)\d\d)\b/iu,
  /\b(?:500 Internal Server Error|502 Bad Gateway|504 Gateway Time-?out)\b/iu,
  /\b(?:InternalError|InternalFailure|RequestTimeout|RequestTimeTooSkewed|RequestExpired|IncompleteBody)\b/u,
  /\b(?:unexpected end-of-file|unexpected EOF|Broken pipe|Empty reply from server|IncompleteMessage)\b/iu,
  /\b(?:Failure when receiving data|Failed sending data|transfer closed with|SSL connect error)\b/iu,
  /\bconnection closed before message completed\b|\bwas not closed cleanly\b/iu,
  /\bWe encountered an internal error\b|\b(?:ResponseTimeout|NoResponseDataReceived)\b/u,
  /^Error: InternalServerError\b/mu,
  // Of the host's own disk, which may be cleared.
  /\bNo space left on device\b/u,
];

// The request itself is refused: statuses that no repetition changes, and what the tools say of paths and names.
const PERMANENT_SIGNS: readonly RegExp[] = [
  /\bHTTP (?:error|status)(?: code)?:? (?:400|404|405|409|410|411|413|414|415|501|505|511)\b/iu,
  /\bstatus(?: ?code)?:? (?:400|404|405|410|413)\b|\bstatusCode = (?:400|404|405|410|413)\b/iu,
  /\b(?:404 Not Found|413 (?:Payload|Content|Request Entity) Too Large|EntityTooLarge|NoSuchBucket)\b/iu,
  /\b(?:is not valid|don't know how to (?:open|build)|Cannot parse Nix store|unrecognised flag)\b/u,
  /^Error: NoSuch(?:Cache|Object)\b/mu,
  /\b(?:Invalid cache reference|NarHashMismatch|InvalidStorePath|BinaryCacheNotFound)\b/u,
  /\bexperimental (?:Nix )?feature '[^']*' is disabled\b/u,
];

/** Says what a run that did not succeed means, as far as its output tells. */
export function classifyRun({ outcome, stderr, stdout }: ExecutionResult): RunFailure {
  const output = `${stderr}\n${stdout}`.replaceAll(STORE_NAME, "");
  const retryAfterMs = findRetryAfter(output);
  // The first status is the answer's own; what follows may be a page that mentions others.
  const [told = output] = STATUS.exec(output) ?? [];
  const classified = classifyText(told) ?? classifyText(output) ?? toUnknown(outcome);
  return { ...classified, ...(classified.failureClass === "transient" ? { retryAfterMs } : {}) };
}

/** Base names of store paths: whoever names a package must not decide what its failure means. */
const STORE_NAME = /[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/gu;

const STATUS = /\bHTTP (?:error|status)(?: code)?:? \d{3}\b/iu;

type Classified = Omit<RunFailure, "retryAfterMs">;

function classifyText(text: string): Classified | undefined {
  const shows = (signs: readonly RegExp[]): boolean => signs.some((sign) => sign.test(text));
  if (shows(CREDENTIAL_SIGNS)) return { failureClass: "credentials", isWholeServer: true, isAnswered: true };
  if (shows(BUSY_SIGNS)) return { failureClass: "transient", isWholeServer: true, isAnswered: true };
  if (shows(UNREACHABLE_SIGNS)) return { failureClass: "transient", isWholeServer: true };
  if (shows(TRANSIENT_SIGNS)) return { failureClass: "transient", isWholeServer: false };
  if (shows(PERMANENT_SIGNS)) return { failureClass: "permanent", isWholeServer: false };
  return undefined;
}

function toUnknown(outcome: ExecutionResult["outcome"]): Classified {
  return { failureClass: outcome === "timed-out" ? "transient" : "unknown", isWholeServer: false };
}

/** Whether a run failed since its credentials were not accepted, as far as its output tells. */
export function isCredentialFailure(result: ExecutionResult): boolean {
  return result.outcome === "failed" && classifyRun(result).failureClass === "credentials";
}

// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after, of which tools pass on the seconds.
function findRetryAfter(output: string): number | undefined {
  const seconds = /\bretry[- ]after[:=]? *"?(\d{1,6})\b/iu.exec(output)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
