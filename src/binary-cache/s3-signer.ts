import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { toS3Variables } from "../commands/s3-credentials.ts";
import type { Secret } from "../core/secret.ts";
import type { Clock } from "../host/runtime.ts";
import type { CredentialVariables } from "./cache-credentials.ts";

/** The keys that sign requests. */
export interface S3Keys {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

/** The keys among the credentials of a push; nothing for unsigned requests. */
export function toS3Keys(env: CredentialVariables): S3Keys | undefined {
  const variables = toS3Variables(env);
  const [accessKeyId, secretAccessKey] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((name) =>
    variables.get(name),
  );
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: variables.get("AWS_SESSION_TOKEN") };
}

/** The signed parts of a request. */
export interface SignableRequest {
  readonly method: string;
  readonly url: string;
  /** Further headers. Only the host and those that begin with `x-amz-` are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal. */
  readonly sha256: string;
}

/** SHA-256 in the interface of the SDK's signer. */
class Sha256 {
  #hash: Hash | Hmac;
  readonly #secret: string | Uint8Array | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined || typeof secret === "string" ? secret : toBytes(secret);
    this.#hash = this.#begin();
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === "string" ? data : toBytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#secret === undefined ? createHash("sha256") : createHmac("sha256", this.#secret);
  }
}

function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/**
 * Signs requests to S3 by AWS Signature Version 4. Only the host and `x-amz-*` are signed: proxies of Google
 * and Cloudflare change other headers on the way. The hash of the body is always sent.
 */
export class S3Signer {
  readonly #signer: SignatureV4 | undefined;
  readonly #clock: Clock;

  constructor(keys: S3Keys | undefined, region: string, clock: Clock) {
    this.#clock = clock;
    this.#signer =
      keys &&
      new SignatureV4({
        service: "s3",
        region,
        sha256: Sha256,
        uriEscapePath: false,
        credentials: {
          accessKeyId: keys.accessKeyId.expose(),
          secretAccessKey: keys.secretAccessKey.expose(),
          ...(keys.sessionToken === undefined ? {} : { sessionToken: keys.sessionToken.expose() }),
        },
      });
  }

  /** The headers of a request with its signature; without keys, unchanged. */
  async sign({ method, url, headers, sha256 }: SignableRequest): Promise<Readonly<Record<string, string>>> {
    if (this.#signer === undefined) return headers;
    const { protocol, hostname, port, host, pathname, searchParams } = new URL(url);
    const signed = await this.#signer.sign(
      {
        ...{ method, protocol, hostname, path: pathname },
        ...(port === "" ? {} : { port: Number(port) }),
        query: Object.fromEntries(searchParams),
        headers: { ...headers, host, "x-amz-content-sha256": sha256 },
      },
      {
        signingDate: new Date(this.#clock.now()),
        signableHeaders: new Set(["host"]),
        unsignableHeaders: new Set(Object.keys(headers).filter((name) => !name.startsWith("x-amz-"))),
      },
    );
    return signed.headers;
  }
}
