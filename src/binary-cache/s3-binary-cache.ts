import { createHash } from "node:crypto";
import type { HttpFileBody, HttpResponse } from "../host/http-client.ts";
import type { Clock } from "../host/runtime.ts";
import {
  type BinaryCache,
  type CacheDownloadOptions,
  type CacheGetOptions,
  type CacheObject,
  toContentHeaders,
} from "./binary-cache.ts";
import { CacheAnswerError, toAnswerError } from "./cache-answer-error.ts";
import type { CredentialVariables } from "./cache-credentials.ts";
import { CacheTransport, type CacheTransportOptions } from "./cache-transport.ts";
import { decodeContent } from "./content-encoding.ts";
import { hashFile } from "./hash-file.ts";
import type { S3Address } from "./s3-address.ts";
import { encodeKey } from "./s3-address.ts";
import { uploadInParts } from "./s3-multipart.ts";
import type { S3Request } from "./s3-request.ts";
import { S3Signer, toS3Keys } from "./s3-signer.ts";
import { toSavedSize } from "./saved-size.ts";

/** From this size on, an object is sent in parts. */
const PARTS_FROM_BYTES = 16 * 1024 * 1024;
const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** A binary cache in a bucket. */
export class S3BinaryCache implements BinaryCache {
  readonly #address: S3Address;
  readonly #transport: CacheTransport;
  readonly #clock: Clock;

  constructor(address: S3Address, options: CacheTransportOptions) {
    this.#address = address;
    this.#clock = options.clock;
    /** One for all requests with the same keys, because it caches what it derives from them. */
    const signers = new WeakMap<CredentialVariables, S3Signer>();
    this.#transport = new CacheTransport(options, async (request: S3Request, variables) => {
      const signer =
        signers.get(variables) ?? new S3Signer(toS3Keys(variables), address.region, options.clock);
      signers.set(variables, signer);
      const { method, url, headers = {}, sha256 = EMPTY_SHA256 } = request;
      return signer.sign({ method, url, headers, sha256 });
    });
  }

  async get(key: string, { signal, maxBytes }: CacheGetOptions): Promise<Uint8Array | undefined> {
    const name = `GET ${key}`;
    const response = await this.#transport.send(
      { method: "GET", url: this.#toUrl(key), name, maxBytes, signal },
      [404],
    );
    if (response.status !== 200) {
      const error = toAnswerError(name, response, this.#clock.now());
      if (error.answer.code === "NoSuchBucket") throw error;
      return undefined;
    }
    return decodeContent(response.body, response.headers["content-encoding"], maxBytes);
  }

  async download(key: string, { path, maxBytes, signal }: CacheDownloadOptions): Promise<number | undefined> {
    const name = `GET ${key}`;
    const request = { method: "GET", url: this.#toUrl(key), name, maxBytes, saveTo: path, signal };
    const response = await this.#transport.send(request, [404]);
    return response.status === 200 ? toSavedSize(response, path) : undefined;
  }

  async has(key: string, signal: AbortSignal): Promise<boolean> {
    const request = { method: "HEAD", url: this.#toUrl(key), name: `HEAD ${key}`, signal };
    return (await this.#transport.send(request, [404])).status < 300;
  }

  async size(key: string, signal: AbortSignal): Promise<number | undefined> {
    const response = await this.#transport.send(
      { method: "HEAD", url: this.#toUrl(key), name: `HEAD ${key}`, signal },
      [404],
    );
    const length = response.headers["content-length"];
    return response.status === 200 && length !== undefined ? Number(length) : undefined;
  }

  async put(key: string, object: CacheObject, signal: AbortSignal): Promise<void> {
    const { body, onUploaded } = object;
    const { storageClass } = this.#address;
    const headers = {
      ...toContentHeaders(object),
      ...(storageClass === undefined ? {} : { "x-amz-storage-class": storageClass }),
    };
    const target = { url: this.#toUrl(key), name: `PUT ${key}`, headers, onUploaded, signal };
    const send = (request: S3Request) => this.#send(request);
    if (isFile(body) && body.size >= PARTS_FROM_BYTES) {
      await uploadInParts(body, target, send);
      return;
    }
    const sha256 = object.sha256 ?? (isFile(body) ? await hashFile(body) : hashBytes(body));
    const request: S3Request = { ...target, method: "PUT", body, sha256 };
    await this.#send(request);
  }

  /** Not every service knows the storage classes of AWS. */
  async #send(request: S3Request): Promise<HttpResponse> {
    const { storageClass } = this.#address;
    return this.#transport.send(request).catch((error: unknown) => {
      const isUnknown = error instanceof CacheAnswerError && error.answer.code === "NotImplemented";
      throw isUnknown && storageClass !== undefined
        ? error.explained(
            "the server may not know x-amz-storage-class: remove storage-class from the destination",
          )
        : error;
    });
  }

  #toUrl(key: string): string {
    return `${this.#address.baseUrl}${key.split("/").map(encodeKey).join("/")}`;
  }
}

function isFile(body: CacheObject["body"]): body is HttpFileBody {
  return "path" in body;
}

function hashBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
