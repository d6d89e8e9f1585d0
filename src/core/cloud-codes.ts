/**
 * What a text means for a retry.
 *
 * | meaning | class | who is meant | example |
 * |---|---|---|---|
 * | `refused` | permanent | the request or its path | a file that is too large |
 * | `misconfigured` | permanent | the server, for every path | no such bucket, a certificate that nobody trusts |
 * | `unauthorized` | credentials | the server, for every path | an expired token |
 * | `busy` | transient | the server, which asks to slow down | 503, throttling |
 * | `away` | transient | the server, which is unreachable | connection refused |
 * | `broken` | transient | one request | a cut transfer, 500 |
 *
 * @public
 */
export type FailureMeaning = "refused" | "misconfigured" | "unauthorized" | "busy" | "away" | "broken";

/** Error codes of one meaning, with spaces between them. */
export interface CloudCodes {
  readonly means: FailureMeaning;
  readonly codes: string;
}

/**
 * Error codes of S3, STS and the services that speak like them, as they stand in `<Code>…</Code>` or before a
 * message (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; MinIO's by its own list).
 * They take precedence over the status: an expired token has status 400.
 */
export const CLOUD_CODES: readonly CloudCodes[] = [
  {
    means: "unauthorized",
    codes: `AccessDenied AccessDeniedException AccountProblem AllAccessDisabled ExpiredToken ExpiredTokenException InvalidAccessKeyId
      InvalidClientTokenId InvalidSecurity InvalidToken NotSignedUp SignatureDoesNotMatch TokenRefreshRequired
      UnrecognizedClientException`,
  },
  {
    means: "busy",
    codes: `BandwidthLimitExceeded LimitExceededException PriorRequestNotComplete RequestLimitExceeded RequestThrottled
      RequestThrottledException ServerBusy ServiceUnavailable SlowDown SlowDownRead SlowDownWrite ThrottledException Throttling
      ThrottlingException TooManyRequests TooManyRequestsException XMinioServerNotInitialized`,
  },
  {
    means: "broken",
    codes: `BadDigest IncompleteBody InternalError InternalFailure NoSuchUpload OperationAborted RequestExpired RequestTimeTooSkewed
      RequestTimeout RequestTimeoutException XAmzContentSHA256Mismatch`,
  },
  {
    means: "misconfigured",
    codes: `AuthorizationHeaderMalformed IllegalLocationConstraintException InvalidBucketName InvalidStorageClass MethodNotAllowed
      MissingContentLength NoSuchBucket NotImplemented PermanentRedirect QuotaExceeded XMinioStorageFull`,
  },
  {
    means: "refused",
    codes: `EntityTooLarge EntityTooSmall InvalidArgument InvalidDigest InvalidObjectState InvalidPart InvalidRequest KeyTooLongError
      MalformedXML MaxMessageLengthExceeded`,
  },
];

/** What each code means. */
export const MEANING_OF_CODE: ReadonlyMap<string, FailureMeaning> = new Map(
  CLOUD_CODES.flatMap(({ codes, means }) => codes.split(/\s+/u).map((code) => [code, means] as const)),
);
