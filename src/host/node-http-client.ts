import type { Agent } from "node:http";
import { HttpError } from "../core/errors.ts";
import type {
  HttpClient,
  HttpConnectOptions,
  HttpRequest,
  HttpResponse,
  HttpSession,
} from "./http-client.ts";
import { type HttpModules, loadHttpModules, startExchange } from "./node-http-exchange.ts";

/** The {@link HttpClient} of Node.js. */
export const nodeHttpClient: HttpClient = {
  send: async (request) => {
    const modules = await loadHttpModules();
    request.signal?.throwIfAborted();
    const { plain, secure } = modules;
    // Its own agents, because the global ones may reuse connections and use a proxy from the environment.
    return startExchange(request, modules, (isSecure) => (isSecure ? new secure.Agent() : new plain.Agent()))
      .answer;
  },
  connect: (options) => new NodeHttpSession(options),
};

/** How often a request is sent again at once because the server had closed a kept connection. */
const MAX_STALE = 16;

/** How long a connection may be idle, in milliseconds. */
const IDLE_MS = 60_000;
/** https://www.rfc-editor.org/rfc/rfc9110#section-15.5.18 */
const EXPECTATION_FAILED = 417;

class NodeHttpSession implements HttpSession {
  readonly #options: HttpConnectOptions;
  #agents: ReturnType<typeof makeAgents> | undefined;
  /** Whether to send `Expect: 100-continue` before a large body; some servers refuse it. */
  #isAsking: boolean;
  readonly #end = new AbortController();

  constructor(options: HttpConnectOptions) {
    this.#options = options;
    // The agents of a proxy rewrite the first line, which is too late for a request with `Expect`.
    this.#isAsking = options.proxy === undefined;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const modules = await loadHttpModules();
    request.signal?.throwIfAborted();
    if (this.#end.signal.aborted) throw new HttpError("ERR_HTTP_INVALID", "The session was disposed");
    this.#agents ??= makeAgents(this.#options, modules, this.#end.signal);
    const { plain, secure } = await this.#agents;
    if (this.#end.signal.aborted) throw new HttpError("ERR_HTTP_INVALID", "The session was disposed");
    for (let stale = 0; ; stale++) {
      const isAsking = this.#isAsking;
      const chooseAgent = (isSecure: boolean) => (isSecure ? secure : plain);
      let told = 0;
      const onUploaded = (bytes: number): void => {
        told += bytes;
        request.onUploaded?.(bytes);
      };
      const counted = { ...request, onUploaded };
      const exchange = startExchange(counted, modules, chooseAgent, { isAsking, idleMs: IDLE_MS });
      try {
        const response = await exchange.answer;
        if (response.status !== EXPECTATION_FAILED || !isAsking) return response;
        this.#isAsking = false;
      } catch (error) {
        const isStale =
          error instanceof HttpError && error.code === "ERR_HTTP_UNREACHABLE" && exchange.wasStale();
        if (!isStale || stale === MAX_STALE) throw error;
      }
      // The bytes that were sent are sent again.
      if (told > 0) request.onUploaded?.(-told);
    }
  }

  [Symbol.dispose](): void {
    this.#end.abort(new Error("The session was disposed"));
    this.#agents?.then(
      ({ plain, secure }) => {
        plain.destroy();
        secure.destroy();
      },
      // The sender is told.
      () => undefined,
    );
  }
}

async function makeAgents(
  { maxConnections, proxy }: HttpConnectOptions,
  { plain, secure }: HttpModules,
  signal: AbortSignal,
): Promise<{ readonly plain: Agent; readonly secure: Agent }> {
  const options = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections };
  if (proxy !== undefined) {
    const { makeProxyAgents } = await import("./proxy-agents.ts");
    return makeProxyAgents(proxy, options, signal);
  }
  return { plain: new plain.Agent(options), secure: new secure.Agent(options) };
}
