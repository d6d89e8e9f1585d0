import {
  type BinaryCache,
  type CacheGetOptions,
  type CacheObject,
  toContentHeaders,
} from "./binary-cache.ts";
import type { CredentialVariables } from "./cache-credentials.ts";
import { CacheTransport, type CacheTransportOptions } from "./cache-transport.ts";
import { decodeContent } from "./content-encoding.ts";

/** A binary cache behind an HTTP server that takes `PUT`. */
export class HttpBinaryCache implements BinaryCache {
  readonly #baseUrl: string;
  readonly #transport: CacheTransport;

  /** @param toHeaders - the headers by which a request authenticates itself */
  constructor(
    baseUrl: string,
    toHeaders: (credentials: CredentialVariables) => Readonly<Record<string, string>>,
    options: CacheTransportOptions,
  ) {
    this.#baseUrl = baseUrl;
    this.#transport = new CacheTransport(options, async ({ headers }, credentials) => ({
      ...toHeaders(credentials),
      ...headers,
    }));
  }

  async get(key: string, { signal, maxBytes }: CacheGetOptions): Promise<Uint8Array | undefined> {
    const response = await this.#transport.send(
      { method: "GET", url: `${this.#baseUrl}${key}`, name: `GET ${key}`, maxBytes, signal },
      [404, 410],
    );
    if (response.status !== 200) return undefined;
    return decodeContent(response.body, response.headers["content-encoding"], maxBytes);
  }

  async has(key: string, signal: AbortSignal): Promise<boolean> {
    const request = { method: "HEAD", url: `${this.#baseUrl}${key}`, name: `HEAD ${key}`, signal };
    return (await this.#transport.send(request, [404, 410])).status < 300;
  }

  async size(key: string, signal: AbortSignal): Promise<number | undefined> {
    const response = await this.#transport.send(
      { method: "HEAD", url: `${this.#baseUrl}${key}`, name: `HEAD ${key}`, signal },
      [404, 405, 410],
    );
    const length = response.headers["content-length"];
    return response.status === 200 && length !== undefined ? Number(length) : undefined;
  }

  async put(key: string, object: CacheObject, signal: AbortSignal): Promise<void> {
    const { body, onUploaded } = object;
    const headers = toContentHeaders(object);
    await this.#transport.send({
      ...{ method: "PUT", url: `${this.#baseUrl}${key}`, name: `PUT ${key}` },
      ...{ headers, body, onUploaded, signal },
    });
  }
}
