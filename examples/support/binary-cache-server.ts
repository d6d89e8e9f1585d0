import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

/** How the server behaves. */
export interface BinaryCacheOptions {
  /** User name and password that every request must carry. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  /** If it returns a status, the request is answered with it. */
  readonly fail?: ((request: SeenRequest) => number | undefined) | undefined;
  /** What the server stores of an upload; default all of it. */
  readonly alter?: ((path: string, body: Buffer) => Buffer) | undefined;
  /** If it returns a URL, the request is redirected to it. */
  readonly redirect?: ((request: SeenRequest) => string | undefined) | undefined;
  /** Never answers, or never answers some requests. */
  readonly hang?: boolean | ((request: SeenRequest) => boolean) | undefined;
}

/** An HTTP binary cache on the loopback interface, in memory. It accepts uploads and returns them. */
export class BinaryCacheServer implements AsyncDisposable {
  /** What was uploaded, by path. */
  readonly objects = new Map<string, Buffer>();
  /** Every request so far. */
  readonly requests: SeenRequest[] = [];
  readonly #options: BinaryCacheOptions;
  readonly #server: Server;

  private constructor(options: BinaryCacheOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Starts a server on a free port. */
  static async start(options: BinaryCacheOptions = {}): Promise<BinaryCacheServer> {
    const cache = new BinaryCacheServer(options);
    cache.#server.listen(0, "127.0.0.1");
    await once(cache.#server, "listening");
    return cache;
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The narinfo of a store path, if it was uploaded. */
  narinfo(storePath: string): string | undefined {
    const hash = storePath.split("/").at(-1)?.slice(0, 32);
    return this.objects.get(`/${hash}.narinfo`)?.toString();
  }

  /** Forgets everything, like a server that was set up again. */
  wipe(): void {
    this.objects.clear();
    this.requests.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "GET", url: path = "/", headers } = request;
      const seen = { method, path, authorization: headers.authorization };
      this.requests.push(seen);
      const { hang = false } = this.#options;
      if (typeof hang === "function" ? hang(seen) : hang) return;
      const location = this.#options.redirect?.(seen);
      if (location !== undefined) {
        response.writeHead(302, { location }).end();
        return;
      }
      const [status, body] = this.#decide(seen, Buffer.concat(chunks));
      response.writeHead(status, { "content-length": body?.length ?? 0 });
      response.end(method === "HEAD" ? undefined : body);
    });
  }

  #decide(request: SeenRequest, body: Buffer): [status: number, body?: Buffer] {
    const failure = this.#options.fail?.(request);
    if (failure !== undefined) return [failure];
    if (!this.#isAuthorized(request)) return [401];
    if (request.method === "PUT") {
      this.objects.set(request.path, this.#options.alter?.(request.path, body) ?? body);
      return [201];
    }
    const object = this.objects.get(request.path);
    return object === undefined ? [404] : [200, object];
  }

  #isAuthorized({ authorization }: SeenRequest): boolean {
    const { credentials } = this.#options;
    if (credentials === undefined) return true;
    const expected = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
    return authorization === `Basic ${expected}`;
  }
}
