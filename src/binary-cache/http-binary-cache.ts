import { isPrivateHost } from "../config/destination/private-host.ts";
import { toBareHost } from "../core/bare-host.ts";
import type { Clock } from "../host/runtime.ts";
import {
  type BinaryCache,
  type CacheDownloadOptions,
  type CacheGetOptions,
  type CacheObject,
  toContentHeaders,
} from "./binary-cache.ts";
import { toAnswerError } from "./cache-answer-error.ts";
import type { CredentialVariables } from "./cache-credentials.ts";
import { CacheTransport, type CacheTransportOptions } from "./cache-transport.ts";
import { decodeContent } from "./content-encoding.ts";
import { toSavedSize } from "./saved-size.ts";

/** https://www.rfc-editor.org/rfc/rfc9110#section-15.4 */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 3;

/**
 * The target of a redirect; nothing if it is invalid, would leave TLS, or would lead from a public host to a
 * private one.
 */
function toNext(url: string, location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location, url)) return undefined;
  const { protocol, href, username, hostname } = new URL(location, url);
  if (isPrivateHost(toBareHost(hostname)) && !isPrivateHost(toBareHost(new URL(url).hostname)))
    return undefined;
  if (username !== "" || !["http:", "https:"].includes(protocol)) return undefined;
  return protocol === "http:" && new URL(url).protocol === "https:" ? undefined : href;
}

/** A binary cache on an HTTP server that accepts `PUT`. */
export class HttpBinaryCache implements BinaryCache {
  readonly #baseUrl: string;
  readonly #transport: CacheTransport;
  readonly #clock: Clock;

  /** @param toHeaders - the headers that authenticate a request */
  constructor(
    baseUrl: string,
    toHeaders: (credentials: CredentialVariables) => Readonly<Record<string, string>>,
    options: CacheTransportOptions,
  ) {
    this.#baseUrl = baseUrl;
    this.#clock = options.clock;
    this.#transport = new CacheTransport(options, async ({ headers, isAnonymous }, credentials) => ({
      ...(isAnonymous === true ? {} : toHeaders(credentials)),
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

  /**
   * A cache may keep its NARs elsewhere, as Cachix and Attic do. The content is compared with a hash, and no
   * credentials are sent there.
   */
  async download(key: string, { path, maxBytes, signal }: CacheDownloadOptions): Promise<number | undefined> {
    const name = `GET ${key}`;
    let url = `${this.#baseUrl}${key}`;
    for (let redirects = 0; ; redirects++) {
      const isAnonymous = new URL(url).origin !== new URL(this.#baseUrl).origin;
      const request = { method: "GET", url, name, maxBytes, saveTo: path, isAnonymous, signal };
      const response = await this.#transport.send(request, [404, 410, ...REDIRECTS]);
      if (response.status === 200) return toSavedSize(response, path);
      if (!REDIRECTS.includes(response.status)) return undefined;
      const next = redirects < MAX_REDIRECTS ? toNext(url, response.headers["location"]) : undefined;
      if (next === undefined) throw toAnswerError(name, response, this.#clock.now());
      url = next;
    }
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
