import type { ErrorCodes } from "../core/error-codes.ts";
import { CommandError, CredentialError, PushError } from "../core/errors.ts";
import { readMember, toMembers } from "../core/own-member.ts";
import { PermissionError } from "../policy/permission-error.ts";
import type { AnyCachesError } from "../registry/any-error.ts";

/** An error in a journal. */
export interface StoredError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly sourceType?: string | undefined;
}

type Codes<Name extends keyof ErrorCodes> = Readonly<Record<ErrorCodes[Name], true>>;

// Records, so that the compiler reports a code that is missing here.
const PUSH_CODES: Codes<"PushError"> = {
  ERR_PUSH_FAILED: true,
  ERR_PUSH_TIMEOUT: true,
  ERR_PUSH_ABORTED: true,
  ERR_PUSH_STALLED: true,
  ERR_PUSH_UNVERIFIED: true,
  ERR_CACHE_INCOMPATIBLE: true,
  ERR_CLOSURE_REFUSED: true,
  ERR_CLOSURE_UNKNOWN: true,
  ERR_PROMOTION_SOURCE: true,
  ERR_PROMOTION_CORRUPT: true,
  ERR_SIGNATURE_MISSING: true,
  ERR_STORE_PATH_NOT_VALID: true,
  ERR_GC_ROOT_FAILED: true,
  ERR_AUDIT_FAILED: true,
  ERR_CHECK_ABORTED: true,
  ERR_PROBE_REFUSED: true,
  ERR_PROBE_UNANSWERED: true,
  ERR_REGISTRY_CLOSED: true,
  ERR_QUEUE_CLOSED: true,
  ERR_REQUEST_UNREADABLE: true,
  ERR_QUEUE_ROLE: true,
  ERR_PUSH_ID_CONFLICT: true,
  ERR_DELIVERY_CRASHED: true,
  ERR_DELIVERY_CANCELLED: true,
  ERR_JOURNAL_FAILED: true,
  ERR_JOURNAL_CORRUPT: true,
  ERR_JOURNAL_UNAVAILABLE: true,
};
const CREDENTIAL_CODES: Codes<"CredentialError"> = {
  ERR_CREDENTIAL_NOT_CONFIGURED: true,
  ERR_CREDENTIAL_NOT_FOUND: true,
  ERR_CREDENTIAL_DENIED: true,
  ERR_CREDENTIAL_UNREACHABLE: true,
  ERR_CREDENTIAL_RATE_LIMITED: true,
  ERR_CREDENTIAL_UNAVAILABLE: true,
  ERR_CREDENTIAL_MALFORMED: true,
  ERR_CREDENTIAL_EXPIRED: true,
  ERR_CREDENTIAL_INSECURE_FILE: true,
  ERR_CREDENTIAL_UNSUPPORTED: true,
};
const COMMAND_CODES: Codes<"CommandError"> = {
  ERR_STORE_PATH_INVALID: true,
  ERR_COMMAND_INVALID: true,
  ERR_COMMAND_CREDENTIALS: true,
  ERR_COMMAND_NOT_FOUND: true,
  ERR_TOOL_UNSUPPORTED: true,
  ERR_HOST_EXHAUSTED: true,
};
const PERMISSION_CODES: Codes<"PermissionError"> = {
  ERR_PERMISSION_DENIED: true,
  ERR_PERMISSIONS_MISSING: true,
  ERR_PATTERN_INVALID: true,
  ERR_REF_INVALID: true,
};

const isOneOf = <Code extends string>(codes: Readonly<Record<Code, true>>, code: string): code is Code =>
  Object.hasOwn(codes, code);

/** The stored part of an error. */
export function toStoredError(error: AnyCachesError): StoredError {
  const { name, code, message } = error;
  return { name, code, message, sourceType: "sourceType" in error ? error.sourceType : undefined };
}

/**
 * Restores the error. If its class cannot end a push, it becomes a {@link PushError} with the same message.
 */
export function readStoredError(stored: unknown): AnyCachesError {
  const members = toMembers(stored);
  const read = (name: string): string => {
    const value = readMember(members, name);
    return typeof value === "string" ? value : "";
  };
  const [code, message] = [read("code"), read("message")];
  if (isOneOf(PUSH_CODES, code)) return new PushError(code, message);
  if (isOneOf(CREDENTIAL_CODES, code)) return new CredentialError(code, read("sourceType"), message);
  if (isOneOf(COMMAND_CODES, code)) return new CommandError(code, message);
  if (isOneOf(PERMISSION_CODES, code)) return new PermissionError(code, message);
  return new PushError("ERR_PUSH_FAILED", `${code}: ${message}`);
}
