/**
 * The codes of each class of errors. docs/errors.md says what to do about each.
 *
 * @public
 */
export interface ErrorCodes {
  /** The file is invalid, missing or unreadable. */
  readonly ConfigError: "ERR_CONFIG_INVALID" | "ERR_CONFIG_NOT_FOUND" | "ERR_CONFIG_UNREADABLE";
  /** A denied push, or a pattern or ref outside the grammar. */
  readonly PermissionError:
    | "ERR_PERMISSION_DENIED"
    | "ERR_PERMISSIONS_MISSING"
    | "ERR_PATTERN_INVALID"
    | "ERR_REF_INVALID";
  /**
   * | code | meaning |
   * |---|---|
   * | `ERR_CREDENTIAL_NOT_CONFIGURED` | the host lacks what the source needs: a variable, `$CREDENTIALS_DIRECTORY` |
   * | `ERR_CREDENTIAL_NOT_FOUND` | the file, profile or secret does not exist |
   * | `ERR_CREDENTIAL_DENIED` | the host may not read it |
   * | `ERR_CREDENTIAL_UNREACHABLE` | no answer, or none within the deadline |
   * | `ERR_CREDENTIAL_RATE_LIMITED` | the service asks to come back later |
   * | `ERR_CREDENTIAL_UNAVAILABLE` | the service cannot answer now |
   * | `ERR_CREDENTIAL_MALFORMED` | the answer has the wrong format |
   * | `ERR_CREDENTIAL_EXPIRED` | it is no longer valid |
   * | `ERR_CREDENTIAL_INSECURE_FILE` | others can read or change the file |
   * | `ERR_CREDENTIAL_UNSUPPORTED` | this version does not know the source |
   */
  readonly CredentialError:
    | "ERR_CREDENTIAL_NOT_CONFIGURED"
    | "ERR_CREDENTIAL_NOT_FOUND"
    | "ERR_CREDENTIAL_DENIED"
    | "ERR_CREDENTIAL_UNREACHABLE"
    | "ERR_CREDENTIAL_RATE_LIMITED"
    | "ERR_CREDENTIAL_UNAVAILABLE"
    | "ERR_CREDENTIAL_MALFORMED"
    | "ERR_CREDENTIAL_EXPIRED"
    | "ERR_CREDENTIAL_INSECURE_FILE"
    | "ERR_CREDENTIAL_UNSUPPORTED";
  /**
   * | code | meaning |
   * |---|---|
   * | `ERR_STORE_PATH_INVALID` | a text that is not a store path, or one that must not be pushed |
   * | `ERR_COMMAND_INVALID` | a command that cannot be built or started as given |
   * | `ERR_COMMAND_CREDENTIALS` | credentials that the tool would ignore, or missing ones |
   * | `ERR_COMMAND_NOT_FOUND` | the executable is not on the PATH |
   * | `ERR_TOOL_UNSUPPORTED` | the installed version of the tool does not support such a cache |
   * | `ERR_HOST_EXHAUSTED` | the host is short of disk space, memory, processes or file descriptors |
   */
  readonly CommandError:
    | "ERR_STORE_PATH_INVALID"
    | "ERR_COMMAND_INVALID"
    | "ERR_COMMAND_CREDENTIALS"
    | "ERR_COMMAND_NOT_FOUND"
    | "ERR_TOOL_UNSUPPORTED"
    | "ERR_HOST_EXHAUSTED";
  /**
   * | code | meaning |
   * |---|---|
   * | `ERR_PUSH_FAILED` | the push tool ended with an error, or the cache refused an upload |
   * | `ERR_PUSH_TIMEOUT` | the push did not end in time |
   * | `ERR_PUSH_ABORTED` | the host asked to stop |
   * | `ERR_PUSH_STALLED` | the push made no progress for too long |
   * | `ERR_PUSH_UNVERIFIED` | the cache does not have a path or a reference, or does not answer |
   * | `ERR_CACHE_INCOMPATIBLE` | the cache belongs to a store in another directory |
   * | `ERR_CLOSURE_REFUSED` | the closure breaks a rule of the cache; nothing was sent |
   * | `ERR_CLOSURE_UNKNOWN` | the Nix store could not list the closure that rules of the cache need |
   * | `ERR_PROMOTION_SOURCE` | the source of the promotion lacks a path, or cannot be read |
   * | `ERR_PROMOTION_CORRUPT` | a path at the source of the promotion is not what was signed |
   * | `ERR_SIGNATURE_MISSING` | a path in the cache has no accepted signature |
   * | `ERR_STORE_PATH_NOT_VALID` | the Nix store does not have a path |
   * | `ERR_GC_ROOT_FAILED` | the paths could not be protected from the garbage collector |
   * | `ERR_AUDIT_FAILED` | an audit sink failed, so nothing was pushed |
   * | `ERR_CHECK_ABORTED` | a check was aborted |
   * | `ERR_PROBE_REFUSED` | a destination refused a probe, or there is no such cache |
   * | `ERR_PROBE_UNANSWERED` | a destination did not answer a probe, or is failing |
   * | `ERR_REGISTRY_CLOSED` | the registry was disposed or retired |
   * | `ERR_QUEUE_CLOSED` | the queue was closed |
   * | `ERR_REQUEST_UNREADABLE` | the journal holds a request in a form that this package does not write |
   * | `ERR_QUEUE_ROLE` | a queue with the role `consumer` was given a request |
   * | `ERR_PUSH_ID_CONFLICT` | another request was accepted under the same `pushId` |
   * | `ERR_DELIVERY_CRASHED` | every host that took the delivery stopped in the middle |
   * | `ERR_DELIVERY_CANCELLED` | the delivery was cancelled before it was pushed |
   * | `ERR_JOURNAL_FAILED` | the journal or ledger does not work; a request that was being accepted may not have been stored |
   * | `ERR_JOURNAL_CORRUPT` | the journal's file or database is damaged |
   * | `ERR_JOURNAL_UNAVAILABLE` | this Node.js has no `node:sqlite`, or the package `pg` is not installed |
   */
  readonly PushError:
    | "ERR_PUSH_FAILED"
    | "ERR_PUSH_TIMEOUT"
    | "ERR_PUSH_ABORTED"
    | "ERR_PUSH_STALLED"
    | "ERR_PUSH_UNVERIFIED"
    | "ERR_CACHE_INCOMPATIBLE"
    | "ERR_CLOSURE_REFUSED"
    | "ERR_CLOSURE_UNKNOWN"
    | "ERR_PROMOTION_SOURCE"
    | "ERR_PROMOTION_CORRUPT"
    | "ERR_SIGNATURE_MISSING"
    | "ERR_STORE_PATH_NOT_VALID"
    | "ERR_GC_ROOT_FAILED"
    | "ERR_AUDIT_FAILED"
    | "ERR_CHECK_ABORTED"
    | "ERR_PROBE_REFUSED"
    | "ERR_PROBE_UNANSWERED"
    | "ERR_REGISTRY_CLOSED"
    | "ERR_QUEUE_CLOSED"
    | "ERR_REQUEST_UNREADABLE"
    | "ERR_QUEUE_ROLE"
    | "ERR_PUSH_ID_CONFLICT"
    | "ERR_DELIVERY_CRASHED"
    | "ERR_DELIVERY_CANCELLED"
    | "ERR_JOURNAL_FAILED"
    | "ERR_JOURNAL_CORRUPT"
    | "ERR_JOURNAL_UNAVAILABLE";
  /**
   * | code | meaning |
   * |---|---|
   * | `ERR_FORGE_SIGNATURE` | the request is not signed with the secret |
   * | `ERR_FORGE_EVENT_INVALID` | the event lacks what this kind of event has |
   */
  readonly ForgeError: "ERR_FORGE_SIGNATURE" | "ERR_FORGE_EVENT_INVALID";
  /** What a {@link FileSystem} throws. */
  readonly FileError:
    | "ERR_FILE_NOT_FOUND"
    | "ERR_FILE_DENIED"
    | "ERR_FILE_NOT_REGULAR"
    | "ERR_FILE_TOO_LARGE"
    | "ERR_FILE_UNREADABLE";
  /** What an {@link HttpClient} throws. */
  readonly HttpError: "ERR_HTTP_UNREACHABLE" | "ERR_HTTP_TOO_LARGE" | "ERR_HTTP_INVALID";
}

/**
 * Every code of this package.
 *
 * @public
 */
export type CachesErrorCode = ErrorCodes[keyof ErrorCodes];
