import { CommandError, CredentialError, PushError } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { classifyFailure } from "../../src/delivery/classify-failure.ts";

describe("what an error means", () => {
  it.each([
    [new CredentialError("ERR_CREDENTIAL_UNREACHABLE", "vault", "x"), "transient", true],
    [new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", "vault", "x"), "transient", true],
    [new CredentialError("ERR_CREDENTIAL_EXPIRED", "vault", "x"), "credentials", true],
    [new CredentialError("ERR_CREDENTIAL_DENIED", "vault", "x"), "permanent", true],
    [new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", "env", "x"), "permanent", true],
    [new CommandError("ERR_HOST_EXHAUSTED", "x"), "transient", true],
    [new CommandError("ERR_COMMAND_NOT_FOUND", "x"), "permanent", true],
    [new CommandError("ERR_COMMAND_CREDENTIALS", "x"), "permanent", true],
    [new CommandError("ERR_STORE_PATH_INVALID", "x"), "permanent", false],
    [new PushError("ERR_STORE_PATH_NOT_VALID", "x"), "permanent", false],
    [new PushError("ERR_SIGNATURE_MISSING", "x"), "permanent", false],
    [new PushError("ERR_CACHE_INCOMPATIBLE", "x"), "permanent", true],
    [new PushError("ERR_PUSH_TIMEOUT", "x"), "transient", false],
    [new PushError("ERR_PUSH_STALLED", "x"), "transient", false],
    [new PushError("ERR_AUDIT_FAILED", "x"), "transient", true],
    [new PushError("ERR_PUSH_UNVERIFIED", "x"), "unknown", false],
    [new PushError("ERR_PUSH_FAILED", "x"), "unknown", true],
  ])("%o is %s (whole server: %s)", (error, failureClass, isWholeServer) => {
    expect(classifyFailure(error, undefined)).toMatchObject({ failureClass, isWholeServer });
  });

  it("hands on how long a credential service asks to wait", () => {
    const error = new CredentialError("ERR_CREDENTIAL_RATE_LIMITED", "vault", "x", 9_000);
    expect(classifyFailure(error, undefined)).toEqual({
      failureClass: "transient",
      isWholeServer: true,
      retryAfterMs: 9_000,
    });
  });
});
