import { CommandError, CredentialError, type ExecutionResult, PushError } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { classifyFailure } from "../../src/delivery/classify-failure.ts";
import { classifyRun } from "../../src/execution/failure.ts";

const run = (stderr: string, more: Partial<ExecutionResult> = {}): ExecutionResult => ({
  outcome: "failed",
  exitCode: 1,
  signal: null,
  durationMs: 1,
  stdout: "",
  stderr,
  truncated: false,
  ...more,
});

// Nix as it prints (an integration test runs the installed one against each status); attic, cachix and S3 by their sources.
const OUTPUTS: readonly (readonly [failureClass: string, isWholeServer: boolean, stderr: string])[] = [
  ["credentials", true, "error: unable to upload 'http://h/x.narinfo': HTTP error 401 ('Unauthorized')"],
  ["credentials", true, "error: unable to upload 'http://h/x.narinfo': HTTP error 403 ('Forbidden')"],
  [
    "credentials",
    true,
    "error: AWS error uploading 's3://b/x': ExpiredToken: The provided token has expired.",
  ],
  ["credentials", true, "error: 'http://h' does not appear to be a binary cache"],
  ["credentials", true, "Error: Unauthorized: Unauthorized."],
  ["credentials", true, "Error: AccessError: User does not have permission to complete this action."],
  ["permanent", false, "Error: NoSuchCache: The requested cache does not exist."],
  [
    "transient",
    false,
    "Error: InternalServerError: The server encountered an internal error or misconfiguration.",
  ],
  ["transient", true, "error: AWS error uploading 's3://b/x': Please reduce your request rate."],
  [
    "transient",
    false,
    "error: AWS error uploading 's3://b/x': We encountered an internal error. Please try again.",
  ],
  [
    "permanent",
    false,
    "error: unable to upload 'http://h/x': HTTP error 413 ('Payload Too Large')\n<h1>503 Service Unavailable</h1>",
  ],
  [
    "permanent",
    false,
    "error: /nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-mock-ServiceUnavailable-1.0: HTTP error 413",
  ],
  ["unknown", false, "error: 3n58xw4373jp0ljirf06d8077j15pc4j-AccessDenied-test went wrong"],
  ["transient", true, "error: unable to download 'http://h/nix-cache-info': Couldn't connect to server (7)"],
  ["transient", true, "error: unable to upload 'http://h/x': Couldn't resolve host name (6)"],
  ["transient", true, "error: unable to upload 'http://h/x': Timeout was reached (28)"],
  [
    "transient",
    true,
    "Error: error sending request for url (http://h/): tcp connect error: Connection refused (os error 111)",
  ],
  [
    "transient",
    true,
    "ConnectionFailure Network.Socket.connect: <socket: 11>: does not exist (Connection refused)",
  ],
  ["transient", true, "error: unable to upload 'http://h/x.narinfo': HTTP error 429 ('Too Many Requests')"],
  ["transient", true, "error: unable to upload 'http://h/x.narinfo': HTTP error 503 ('Service Unavailable')"],
  ["transient", true, "error: AWS error uploading 's3://b/x': SlowDown: Please reduce your request rate."],
  [
    "transient",
    false,
    "error: unable to upload 'http://h/x.narinfo': HTTP error 500 ('Internal Server Error')",
  ],
  ["transient", false, "error: unable to upload 'http://h/x.narinfo': HTTP error 502 ('Bad Gateway')"],
  ["transient", false, "error: AWS error uploading: InternalError: We encountered an internal error."],
  ["transient", false, "error: unexpected end-of-file"],
  ["transient", false, "error: writing to file: Broken pipe"],
  ["transient", false, "❌ x-1: HTTP error: 504 Gateway Timeout"],
  [
    "permanent",
    false,
    "error: unable to upload 'http://h/nar/x.nar.xz': HTTP error 413 ('Payload Too Large')",
  ],
  ["permanent", false, "error: unable to upload 'http://h/x.narinfo': HTTP error 400 ('Bad Request')"],
  ["permanent", false, "error: unable to upload 'http://h/x.narinfo': HTTP error 501 ('Not Implemented')"],
  ["permanent", false, "error: don't know how to open Nix store 's3://b'"],
  ["permanent", false, "error: path '/nix/store/x' is not valid"],
  ["permanent", false, "error: invalid value 'x' for '<CACHE>': Invalid cache reference"],
  ["permanent", false, "error: experimental Nix feature 'nix-command' is disabled"],
  ["unknown", false, "error: something that nobody has seen"],
  ["unknown", false, ""],
];

describe("what a run's output means", () => {
  it.each(OUTPUTS)("%s (whole server: %s): %s", (failureClass, isWholeServer, stderr) => {
    expect(classifyRun(run(stderr))).toMatchObject({ failureClass, isWholeServer });
    expect(classifyRun(run("", { stdout: stderr }))).toMatchObject({ failureClass });
  });

  it("does not take the numbers of other things for statuses", () => {
    expect(classifyRun(run("copying 500 paths..."))).toMatchObject({ failureClass: "unknown" });
    expect(classifyRun(run("uploaded /nix/store/x-403-5.0 in 503 ms"))).toMatchObject({
      failureClass: "unknown",
    });
  });

  it("reads how long the server asks to wait", () => {
    expect(classifyRun(run("HTTP error 429; Retry-After: 17")).retryAfterMs).toBe(17_000);
    expect(classifyRun(run("HTTP error 429, retry after 3 s")).retryAfterMs).toBe(3_000);
    expect(classifyRun(run("HTTP error 429")).retryAfterMs).toBeUndefined();
  });
});

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
