import type { ExecutionResult } from "./executor.ts";

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
];

/** Whether a run failed since its credentials were not accepted, as far as its output tells. */
export function isCredentialFailure({ outcome, stderr, stdout }: ExecutionResult): boolean {
  return outcome === "failed" && CREDENTIAL_SIGNS.some((sign) => sign.test(stderr) || sign.test(stdout));
}
