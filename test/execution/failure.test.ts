import type { ExecutionResult } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { CLOUD_CODES, type FailureMeaning } from "../../src/core/cloud-codes.ts";
import { CURL_ERRORS } from "../../src/execution/curl-codes.ts";
import { classifyRun, type FailureClass } from "../../src/execution/failure.ts";
import { summarizeFailure } from "../../src/execution/failure-summary.ts";
import { STATUSES, WORDS } from "../../src/execution/failure-table.ts";

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

type Sample = readonly [failureClass: FailureClass, isWholeServer: boolean, text: string];

const CLASSES: Readonly<Record<FailureMeaning, readonly [FailureClass, boolean]>> = {
  refused: ["permanent", false],
  misconfigured: ["permanent", true],
  unauthorized: ["credentials", true],
  busy: ["transient", true],
  away: ["transient", true],
  broken: ["transient", false],
};

const upload = (end: string): string => `error: unable to upload 'https://c.example/nar/x.nar.xz': ${end}`;
const NEW_S3 = (status: number, code: string): string =>
  `error: unable to download 'http://127.0.0.1:9000/b/nix-cache-info': HTTP error ${status}\n\n       response body:\n\n       <?xml version="1.0" encoding="UTF-8"?>\n       <Error><Code>${code}</Code><Message>said so</Message></Error>`;

/** curl's own words (`curl_easy_strerror`), as Nix quotes them; some have changed over the years. */
const CURL_WORDS: Readonly<Record<number, readonly string[]>> = {
  1: ["Unsupported protocol"],
  2: ["Failed initialization"],
  3: ["URL using bad/illegal format or missing URL"],
  4: [
    "A requested feature, protocol or option was not found built-in in this libcurl due to a build-time decision.",
  ],
  5: ["Couldn't resolve proxy name", "Could not resolve proxy name"],
  6: ["Couldn't resolve host name", "Could not resolve hostname"],
  7: ["Couldn't connect to server", "Could not connect to server"],
  8: ["Weird server reply"],
  9: ["Access denied to remote resource"],
  16: ["Error in the HTTP2 framing layer"],
  18: ["Transferred a partial file"],
  23: ["Failed writing received data to disk/application"],
  25: ["Upload failed (at start)"],
  26: ["Failed to open/read local data from file/application"],
  27: ["Out of memory"],
  28: ["Timeout was reached"],
  33: ["Requested range was not delivered by the server"],
  35: ["SSL connect error"],
  42: ["Operation was aborted by an application callback"],
  45: ["Failed binding local connection end"],
  47: ["Number of redirects hit maximum amount"],
  52: ["Server returned nothing (no headers, no data)"],
  53: ["SSL crypto engine not found"],
  54: ["Can not set SSL crypto engine as default"],
  55: ["Failed sending data to the peer"],
  56: ["Failure when receiving data from the peer"],
  58: ["Problem with the local SSL certificate"],
  59: ["Couldn't use specified SSL cipher"],
  60: ["SSL peer certificate or SSH remote key was not OK"],
  61: ["Unrecognized or bad HTTP Content or Transfer-Encoding"],
  63: ["Maximum file size exceeded"],
  64: ["Requested SSL level failed"],
  65: ["Send failed since rewinding of the data stream failed"],
  66: ["Failed to initialise SSL crypto engine"],
  67: ["Login denied"],
  77: ["Problem with the SSL CA cert (path? access rights?)"],
  80: ["Failed to shut down the SSL connection"],
  81: ["Socket not ready for send/recv"],
  82: ["Failed to load CRL file (path? access rights?, format?)"],
  83: ["Issuer check against peer certificate failed"],
  88: ["Chunk callback reported error"],
  89: ["The max connection limit is reached"],
  90: ["SSL public key does not match pinned public key"],
  91: ["SSL server certificate status verification FAILED"],
  92: ["Stream error in the HTTP/2 framing layer"],
  94: ["An authentication function returned an error"],
  95: ["HTTP/3 error"],
  96: ["QUIC connection error"],
  97: ["proxy handshake error"],
  98: ["SSL Client Certificate required"],
  99: ["Unrecoverable error in select/poll"],
  100: ["A value or data field grew larger than allowed"],
  101: ["ECH attempted but failed"],
};

describe("what curl says, by Nix", () => {
  it("has its words for each error of the table", () => {
    expect(Object.keys(CURL_WORDS).map(Number)).toEqual(CURL_ERRORS.map(({ code }) => code));
  });

  it.each(
    CURL_ERRORS.flatMap(({ code, means }) =>
      (CURL_WORDS[code] ?? []).map((words) => [code, words, means] as const),
    ),
  )("(%i) %s: %s", (code, words, means) => {
    const [failureClass, isWholeServer] = CLASSES[means];
    for (const end of [`${words} (${code})`, `(${code})`, words, `HTTP error 200 (curl error: ${words})`])
      expect(classifyRun(run(upload(end))), end).toMatchObject({ failureClass, isWholeServer });
  });
});

describe("what a cloud says", () => {
  const codes = CLOUD_CODES.flatMap(({ codes: names, means }) =>
    names.split(/\s+/u).map((code) => [code, means] as const),
  );

  it.each(codes)("%s: %s, behind any status and in any form", (code, means) => {
    const [failureClass] = CLASSES[means];
    for (const status of [400, 403, 404, 409, 500, 503])
      expect(classifyRun(run(NEW_S3(status, code)))).toMatchObject({ failureClass });
    expect(classifyRun(run(`error: AWS error uploading 's3://b/x': ${code}: said so`))).toMatchObject({
      failureClass,
    });
    const unparsed = `error: AWS error fetching 'nix-cache-info': Unable to parse ExceptionName: ${code} Message: said so`;
    expect(classifyRun(run(unparsed))).toMatchObject({ failureClass });
  });
});

describe("what a status says", () => {
  const statuses = Array.from({ length: 200 }, (_status, index) => 400 + index);

  it.each(statuses)("%i, in every form", (status) => {
    const meaning = STATUSES[status] ?? (status < 500 ? "refused" : "broken");
    const [failureClass, isWholeServer] = CLASSES[meaning];
    for (const text of [
      upload(`HTTP error ${status}`),
      upload(`HTTP error ${status} ('Said So')`),
      `Error: HTTP ${status} Said So`,
      `Error: HTTP ${status}`,
      `FailureResponse (Request {}) (Response {responseStatusCode = Status {statusCode = ${status}, statusMessage = "Said So"}})`,
      `Error: {"code":${status},"error":"Said","message":"so"}`,
    ])
      expect(classifyRun(run(text)), text).toMatchObject({ failureClass, isWholeServer });
  });
});

/**
 * Other texts: by Nix 2.8, 2.26 and 2.34 as they were measured, by Attic's client as it was measured, by
 * Cachix's source.
 */
const TEXTS: readonly Sample[] = [
  [
    "credentials",
    true,
    "error: AWS error uploading 's3://b/x': The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  ],
  [
    "credentials",
    true,
    "error: AWS error fetching 'nix-cache-info': The AWS Access Key Id you provided does not exist in our records.",
  ],
  [
    "credentials",
    true,
    "error: AWS error fetching 'nix-cache-info': The Access Key Id you provided does not exist in our records.",
  ],
  ["credentials", true, "error: AWS error uploading 's3://b/x': The provided token has expired."],
  [
    "credentials",
    true,
    "error: AWS error uploading 's3://b/x': The security token included in the request is invalid",
  ],
  ["credentials", true, "error: AWS error fetching 'nix-cache-info': Access Denied"],
  ["permanent", true, "error: AWS error fetching 'nix-cache-info': The specified bucket does not exist"],
  [
    "permanent",
    true,
    "error: AWS error fetching 'nix-cache-info': The bucket you are attempting to access must be addressed using the specified endpoint.",
  ],
  [
    "permanent",
    true,
    "error: AWS error fetching 'x': The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
  ],
  [
    "permanent",
    true,
    "error: AWS error uploading 'x': A header you provided implies functionality that is not implemented",
  ],
  [
    "permanent",
    false,
    "error: AWS error uploading 'x': Your proposed upload exceeds the maximum allowed object size.",
  ],
  ["permanent", false, "error: AWS error fetching 'x': The specified key does not exist."],
  ["transient", true, "error: AWS error uploading 's3://b/x': Please reduce your request rate."],
  [
    "transient",
    false,
    "error: AWS error uploading 's3://b/x': The difference between the request time and the current time is too large.",
  ],
  [
    "transient",
    false,
    "error: AWS error uploading 's3://b/x': Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
  ],
  [
    "transient",
    false,
    "error: AWS error uploading 's3://b/x': We encountered an internal error. Please try again.",
  ],
  [
    "transient",
    false,
    "error: AWS error uploading 'x': A conflicting conditional operation is currently in progress against this resource. Please try again.",
  ],
  ["transient", true, "error: AWS error fetching 'nix-cache-info': Unable to connect to endpoint"],
  ["unknown", false, "error: AWS error uploading 'nix-cache-info': No response body."],
  ["unknown", false, "error: 'http://127.0.0.1:8080' does not appear to be a binary cache"],

  ["credentials", true, "Error: Unauthorized: Unauthorized."],
  ["credentials", true, "Error: AccessError: User does not have permission to complete this action."],
  ["permanent", true, "Error: NoSuchCache: The requested cache does not exist."],
  ["permanent", true, "Error: RequestError: Request error: not found"],
  ["permanent", true, "error: invalid value 'x' for '<CACHE>': Invalid cache reference"],
  ["permanent", false, "Error: NoSuchObject: The requested object does not exist."],
  ["permanent", false, "Error: NarHashMismatch: Mismatched hash"],
  ["transient", false, "Error: IncompleteNar: NAR is incomplete"],
  [
    "transient",
    false,
    "Error: InternalServerError: The server encountered an internal error or misconfiguration.",
  ],
  [
    "permanent",
    true,
    "Error: error sending request for url (https://a.example/): client error (Connect): invalid peer certificate: UnknownIssuer",
  ],
  ["transient", false, "❌ x-1: HTTP error: 504 Gateway Timeout"],
  ["permanent", false, "Error: HTTP 413 Payload Too Large: <html>503 Service Unavailable</html>"],

  [
    "credentials",
    true,
    "cachix: Binary cache mycache doesn't exist or you don't have access. If it does exist, add it first.",
  ],
  ["credentials", true, "Neither auth token nor signing key are present."],
  ["credentials", true, "The request needs a token: Unauthorized"],
  ["permanent", true, "Binary cache mycache does not exist."],
  ["transient", false, "NAR hash mismatch"],
  ["transient", false, 'HttpExceptionRequest Request { host = "x" } ResponseTimeout'],
  ["transient", false, 'HttpExceptionRequest Request { host = "x" } NoResponseDataReceived'],
  [
    "transient",
    true,
    "ConnectionFailure Network.Socket.connect: <socket: 11>: does not exist (Connection refused)",
  ],
  ["transient", true, 'HttpExceptionRequest Request { host = "x" } ConnectionTimeout'],

  ["permanent", true, "OpenSSL/3.0: error:0A000086:SSL routines::certificate verify failed"],
  ["permanent", true, "curl: SSL certificate problem: self-signed certificate in certificate chain"],
  ["transient", true, "error: Nix daemon disconnected unexpectedly (maybe it crashed?)"],
  [
    "transient",
    true,
    "error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': Connection refused",
  ],
  ["transient", true, "error: cannot connect to daemon at '/nix/var/nix/daemon-socket/socket'"],
  ["transient", true, "warning: SQLite database '/nix/var/nix/db/db.sqlite' is busy"],
  [
    "transient",
    true,
    "error: executing SQLite statement 'x': database is locked (in '/nix/var/nix/db/db.sqlite')",
  ],
  ["permanent", true, "error: don't know how to open Nix store 's3://b'"],
  ["permanent", true, "error: don't know how to open Nix store with scheme 's3'"],
  ["permanent", true, "error: Cannot parse Nix store 'x://'"],
  ["permanent", true, "error: unrecognised flag '--json-format'"],
  [
    "permanent",
    true,
    "error: experimental Nix feature 'nix-command' is disabled; use '--extra-experimental-features nix-command' to override",
  ],
  ["permanent", false, "error: path '/nix/store/x' is not valid"],
  ["permanent", false, "error: cannot add path '/nix/store/x' because it lacks a valid signature"],
  ["transient", false, "error: unexpected end-of-file"],
  ["transient", false, "error: interrupted by the user"],

  [
    "transient",
    true,
    "Error: error sending request for url (http://h/): tcp connect error: Connection refused (os error 111)",
  ],
  [
    "transient",
    true,
    "Error: error sending request for url (http://h/): dns error: failed to lookup address information: Temporary failure in name resolution",
  ],
  ["transient", true, "error: unable to upload 'http://h/x': Resolving timed out after 15000 milliseconds"],
  ["transient", true, "Error: error sending request for url (http://h/): operation timed out"],
  [
    "transient",
    false,
    "Error: error sending request for url (http://h/): connection closed before message completed",
  ],
  ["transient", true, "read: Connection reset by peer"],
  ["transient", true, "connect: No route to host"],
  ["transient", true, "connect: Network is unreachable"],
  ["transient", false, "GnuTLS recv error (-110): The TLS connection was not closed cleanly"],
  ["transient", false, "error: writing to file: Broken pipe"],
  ["transient", false, "hyper::Error(IncompleteMessage)"],
  ["transient", false, "error: writing to file: No space left on device"],
  ["transient", false, "error: opening directory: Too many open files"],
  ["transient", false, "error: unable to fork: Cannot allocate memory"],
  ["transient", false, "error: unexpected EOF reading a line"],

  ["permanent", true, "error: AWS error uploading 'x': The specified bucket is not valid."],
  [
    "transient",
    true,
    "error: AWS error fetching 'nix-cache-info': Encountered network error when sending http request",
  ],
  ["permanent", true, 'HandshakeFailed (Error_Protocol "certificate has expired" CertificateExpired)'],
  ["permanent", true, "certificate rejected: [UnknownCA]"],
  [
    "permanent",
    true,
    "error: binary cache 'https://c.example' is for Nix stores with prefix '/other/store', not '/nix/store'",
  ],
  [
    "transient",
    false,
    "error: NAR info file '2wnhz6w3mjfx2fvvibsfz19kxxmww3qp.narinfo' is corrupt: expecting ':' at line 1",
  ],
  ["transient", false, "error: NAR info file '2wnhz6w3mjfx2fvvibsfz19kxxmww3qp.narinfo' is corrupt"],
  ["transient", false, "error: input compression not recognized"],
  ["permanent", true, "error: unknown compression method 'zz'"],
  [
    "permanent",
    true,
    "error: option 'compression' has invalid value 'zz'\n       Did you mean one of xz, br or lz4?",
  ],
  ["unknown", false, "error: something that nobody has seen"],
  ["unknown", false, ""],
];

describe("what words say", () => {
  it.each(TEXTS)("%s (whole server: %s): %s", (failureClass, isWholeServer, text) => {
    expect(classifyRun(run(text))).toMatchObject({ failureClass, isWholeServer });
    expect(classifyRun(run("", { stdout: text }))).toMatchObject({ failureClass, isWholeServer });
  });

  it.each(WORDS)("$pattern of $by is seen in a text of the table, and decides it", ({ pattern, means }) => {
    const [failureClass] = CLASSES[means];
    const texts = TEXTS.filter(([, , text]) => pattern.test(text));
    expect(texts.map(([sampleClass]) => sampleClass)).toContain(failureClass);
  });
});

describe("an output of many lines", () => {
  const retried = (status: number): string =>
    `warning: error: unable to upload 'https://c.example/x.narinfo': HTTP error ${status} ('Said So'); retrying in 297 ms`;

  it.each<Sample>([
    [
      "permanent",
      false,
      `${retried(503)}\n${retried(503)}\n${upload("HTTP error 413 ('Payload Too Large')")}`,
    ],
    ["transient", true, `${retried(401)}\n${upload("HTTP error 503 ('Service Unavailable')")}`],
    ["transient", true, `${retried(503)}\n${retried(503)}`],
    [
      "permanent",
      false,
      `${upload("HTTP error 413 ('Payload Too Large')")}\n<h1>503 Service Unavailable</h1>`,
    ],
    [
      "permanent",
      false,
      "error:\n       … while copying\n\n       error: unable to upload 'https://c.example/x': HTTP error 413",
    ],
    ["credentials", true, `error: some paths failed\n${NEW_S3(400, "ExpiredToken")}`],
  ])("%s (whole server: %s): %s", (failureClass, isWholeServer, text) => {
    expect(classifyRun(run(text))).toMatchObject({ failureClass, isWholeServer });
  });
});

describe("what a server writes", () => {
  const answered = (status: number, line: string, indent = "       "): string =>
    `error: unable to upload 'https://c.example/nar/x.nar.xz': HTTP error ${status}\n\n${indent}response body:\n\n${indent}<p>\n${indent}${line}\n${indent}</p>`;

  it.each([
    "error: path '/x' is not valid",
    "Error: Unauthorized",
    "error: NoSuchBucket",
    "HTTP error 403",
    "error: unable to upload 'x': HTTP error 413",
    "NoSuchBucket: said so",
    "See https://docs.example/AccessDenied for help",
  ])("is no error line of the tool's, and no word of it: %s", (line) => {
    for (const indent of ["       ", "              "])
      expect(classifyRun(run(answered(503, line, indent)))).toMatchObject({ failureClass: "transient" });
    expect(classifyRun(run(answered(413, line)))).toMatchObject({
      failureClass: "permanent",
      isWholeServer: false,
    });
  });

  it.each([
    ["<Code>ExpiredToken</Code>", "credentials"],
    ['{"code":"ExpiredToken","message":"x"}', "credentials"],
    ['{"__type":"ExpiredTokenException"}', "credentials"],
  ])("counts where it is an error code: %s", (line, failureClass) => {
    expect(classifyRun(run(answered(400, line)))).toMatchObject({ failureClass });
  });

  it("ends where the tool goes on", () => {
    const text = `${answered(503, "x")}\nerror: unable to upload 'https://c.example/y': HTTP error 413`;
    expect(classifyRun(run(text))).toMatchObject({ failureClass: "permanent" });
  });
});

it.each<Sample>([
  ["credentials", true, "error: unable to upload 'https://c/SlowDown/nar/a.nar.xz': HTTP error 401"],
  ["transient", true, "error: unable to upload 'https://InvalidRequest.c/x': HTTP error 503"],
  ["transient", false, "error: opening file '/tmp/InvalidArgument': No space left on device"],
])("a word in a name is no error code: %s (%s) %s", (failureClass, isWholeServer, text) => {
  expect(classifyRun(run(text))).toMatchObject({ failureClass, isWholeServer });
});

it.each([
  ["line ends", "\n"],
  ["carriage returns", "\r"],
  ["spaces", " "],
  ["indented lines", "\n       "],
  ["beginnings of URLs", "unable to upload '"],
  ["URLs", "unable to upload '':"],
  ["databases", "SQLite database "],
  ["refusals", "Unauthorized "],
  ["statuses", "400 Aa"],
  ["errors", "error: "],
  ["error lines", "error:\n"],
  ["bodies", "response body:\n"],
  ["quotes", "'"],
])("64 KiB of %s are read in less than two seconds", (_name, filler) => {
  const text = filler.repeat(Math.ceil(65_536 / filler.length));
  const start = performance.now();
  classifyRun(run(text));
  classifyRun(run(`error: unable to upload 'https://c/x': the server said\n${text}`));
  summarizeFailure(run(text));
  expect(performance.now() - start).toBeLessThan(2_000);
});

it("a refusal of the cache's first file is one of the cache", () => {
  const first = "error: unable to upload 'https://c.example/nix-cache-info': HTTP error 404";
  expect(classifyRun(run(first))).toMatchObject({ failureClass: "permanent", isWholeServer: true });
  expect(classifyRun(run(upload("HTTP error 404")))).toMatchObject({
    failureClass: "permanent",
    isWholeServer: false,
  });
});

it("the numbers and the names of other things are no statuses and codes", () => {
  for (const text of [
    "copying 500 paths...",
    "uploaded /nix/store/x-403-5.0 in 503 ms",
    "error: 3n58xw4373jp0ljirf06d8077j15pc4j-AccessDenied-test went wrong",
  ])
    expect(classifyRun(run(text))).toMatchObject({ failureClass: "unknown" });
  const named =
    "error: /nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-mock-ServiceUnavailable-1.0: HTTP error 413";
  expect(classifyRun(run(named))).toMatchObject({ failureClass: "permanent" });
});

it("how long the server asks to wait is read", () => {
  expect(classifyRun(run("HTTP error 429; Retry-After: 17")).retryAfterMs).toBe(17_000);
  expect(classifyRun(run("HTTP error 429, retry after 3 s")).retryAfterMs).toBe(3_000);
  expect(classifyRun(run("HTTP error 429")).retryAfterMs).toBeUndefined();
});
