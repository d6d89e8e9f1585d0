import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The keys that the server knows. */
export const S3_KEYS = { accessKeyId: "AKIASTRICT0000000001", secretAccessKey: "canary-strict-secret" };
export const S3_REGION = "eu-west-3";

/** How the server behaves beside being strict. */
export interface StrictS3Options {
  /** The session token that every request must carry. */
  readonly sessionToken?: string;
  /** Answers in place of what is right, where it returns something. */
  readonly override?: (request: IncomingMessage) => { status: number; body?: string } | undefined;
  /** Closes a connection after so many requests, without telling. */
  readonly requestsPerConnection?: number;
}

const sha256 = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const toError = (code: string): string =>
  `<Error><Code>${code}</Code><Message>${code} it is</Message></Error>`;

/** What some services refuse: R2, Google, StorageGRID, Wasabi and others, by public reports. */
function findRefusal({ headers }: IncomingMessage): string | undefined {
  const names = Object.keys(headers);
  if (names.some((name) => /^x-amz-(?:acl|tagging|checksum|sdk)/u.test(name))) return "NotImplemented";
  if (headers["content-md5"] !== undefined) return "InvalidDigest";
  if (headers["transfer-encoding"] !== undefined) return "MissingContentLength";
  if (!/^[0-9a-f]{64}$/u.test(String(headers["x-amz-content-sha256"]))) return "XAmzContentSHA256Mismatch";
  return undefined;
}

/** Checks a signature of version 4 by the text of its definition, without the signer that is tested. */
function isSigned(request: IncomingMessage, { sessionToken }: StrictS3Options): boolean {
  const { method = "", url = "", headers } = request;
  const [, date = "", signed = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\d{8})\/eu-west-3\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/u.exec(
      headers.authorization ?? "",
    ) ?? [];
  const names = signed.split(";");
  // What stands on the way may change every other header.
  if (!names.every((name) => name === "host" || name.startsWith("x-amz-"))) return false;
  if (sessionToken !== undefined && headers["x-amz-security-token"] !== sessionToken) return false;
  const [path = "", query = ""] = url.split("?");
  const pairs = query === "" ? [] : query.split("&").map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  const canonical = [
    ...[method, path, pairs.sort().join("&")],
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    ...["", signed, String(headers["x-amz-content-sha256"])],
  ].join("\n");
  const time = String(headers["x-amz-date"]);
  const scope = `${date}/${S3_REGION}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = [date, S3_REGION, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${S3_KEYS.secretAccessKey}`,
  );
  return createHmac("sha256", key).update(text).digest("hex") === signature;
}

/** A bucket on the loopback interface that is as strict as the strictest service is. */
export class StrictS3Server implements AsyncDisposable {
  readonly objects = new Map<string, Buffer>();
  /** Method and path with query of each request. */
  readonly seen: string[] = [];
  readonly #parts = new Map<string, Map<number, Buffer>>();
  readonly #options: StrictS3Options;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  #uploads = 0;

  private constructor(options: StrictS3Options) {
    this.#options = options;
  }

  static async start(options: StrictS3Options = {}): Promise<StrictS3Server> {
    const server = new StrictS3Server(options);
    const { requestsPerConnection } = options;
    if (requestsPerConnection !== undefined) server.#dropAfter(requestsPerConnection);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  /** How objects are compressed, by what their uploader said. */
  readonly #encodings = new Map<string, string>();

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Uploads in parts that nobody has ended. */
  get unfinished(): number {
    return this.#parts.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** A kept connection is closed when the next request is on its way. */
  #dropAfter(count: number): void {
    this.#server.on("connection", (socket) => {
      let requests = 0;
      socket.on("data", () => {
        if (requests >= count) socket.destroy();
      });
      socket.on("eka-answered", () => requests++);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    this.seen.push(`${request.method} ${request.url}`);
    const [status, body = "", headers = {}] = this.#decide(request, Buffer.concat(chunks));
    request.socket.emit("eka-answered");
    response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  #decide(
    request: IncomingMessage,
    body: Buffer,
  ): [status: number, body?: string | Buffer, headers?: Record<string, string>] {
    const override = this.#options.override?.(request);
    if (override !== undefined) return [override.status, override.body ?? ""];
    const refusal = findRefusal(request);
    if (refusal !== undefined) return [400, toError(refusal)];
    if (!isSigned(request, this.#options)) return [403, toError("SignatureDoesNotMatch")];
    if (request.headers["x-amz-content-sha256"] !== sha256(body))
      return [400, toError("XAmzContentSHA256Mismatch")];
    const url = new URL(request.url ?? "", this.url);
    const [, bucket, ...key] = decodeURIComponent(url.pathname).split("/");
    if (bucket !== "bucket") return [404, toError("NoSuchBucket")];
    const [status, content = "", headers = {}] = this.#act(
      request.method ?? "",
      key.join("/"),
      url.searchParams,
      body,
    );
    const said = request.headers["content-encoding"];
    if (request.method === "PUT" && said !== undefined) this.#encodings.set(key.join("/"), said);
    const encoding = request.method === "PUT" ? undefined : this.#encodings.get(key.join("/"));
    return [status, content, encoding === undefined ? headers : { ...headers, "content-encoding": encoding }];
  }

  #act(
    method: string,
    key: string,
    query: URLSearchParams,
    body: Buffer,
  ): [status: number, body?: string | Buffer, headers?: Record<string, string>] {
    const id = query.get("uploadId");
    if (method === "POST" && query.has("uploads")) {
      const upload = `id+${++this.#uploads}/`;
      this.#parts.set(upload, new Map());
      return [200, `<R><UploadId>${upload}</UploadId></R>`];
    }
    if (id !== null) return this.#actOnParts(method, key, id, Number(query.get("partNumber")), body);
    if (method === "PUT") {
      this.objects.set(key, body);
      return [200];
    }
    const object = this.objects.get(key);
    if (object === undefined) return [404, toError("NoSuchKey")];
    return [200, object, { "content-length": String(object.length) }];
  }

  #actOnParts(
    method: string,
    key: string,
    id: string,
    number: number,
    body: Buffer,
  ): [status: number, body?: string | Buffer, headers?: Record<string, string>] {
    const parts = this.#parts.get(id);
    if (parts === undefined) return [404, toError("NoSuchUpload")];
    if (method === "PUT") {
      parts.set(number, body);
      return [200, "", { etag: `"${sha256(body)}"` }];
    }
    this.#parts.delete(id);
    if (method === "DELETE") return [204];
    const sizes = [...parts].sort(([one], [other]) => one - other).map(([, part]) => part.length);
    const last = sizes.at(-1) ?? 0;
    const isEven = sizes
      .slice(0, -1)
      .every((size) => size === sizes[0] && size >= 5 * 1024 * 1024 && last <= size);
    // Services say so with a status of success.
    if (!isEven) return [200, toError("InvalidPart")];
    const all = [...parts].sort(([one], [other]) => one - other).map(([, part]) => part);
    this.objects.set(key, Buffer.concat(all));
    return [200, "<CompleteMultipartUploadResult/>"];
  }
}
