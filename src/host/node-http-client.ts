import { HttpError } from "../core/errors.ts";
import type {
  HttpClient,
  HttpConnectOptions,
  HttpRequest,
  HttpResponse,
  HttpSession,
} from "./http-client.ts";
import { loadHttpModules, startExchange } from "./node-http-exchange.ts";

/** The {@link HttpClient} of Node.js. */
export const nodeHttpClient: HttpClient = {
  send: async (request) => {
    const modules = await loadHttpModules();
    request.signal?.throwIfAborted();
    const { plain, secure } = modules;
    // Agents of its own: the global ones may keep connections, and may use a proxy that the environment names.
    return startExchange(request, modules, (isSecure) => (isSecure ? new secure.Agent() : new plain.Agent()))
      .answer;
  },
  connect: (options) => new NodeHttpSession(options),
};

/** How often a request is sent anew at once, since the server had closed the connection that was kept. */
const MAX_STALE = 16;

class NodeHttpSession implements HttpSession {
  readonly #options: HttpConnectOptions;
  #agents: ReturnType<typeof makeAgents> | undefined;

  constructor(options: HttpConnectOptions) {
    this.#options = options;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const modules = await loadHttpModules();
    request.signal?.throwIfAborted();
    this.#agents ??= makeAgents(this.#options, modules);
    const { plain, secure } = this.#agents;
    for (let stale = 0; ; stale++) {
      const exchange = startExchange(request, modules, (isSecure) => (isSecure ? secure : plain));
      try {
        return await exchange.answer;
      } catch (error) {
        const isStale =
          error instanceof HttpError && error.code === "ERR_HTTP_UNREACHABLE" && exchange.wasStale();
        if (!isStale || stale === MAX_STALE) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#agents?.plain.destroy();
    this.#agents?.secure.destroy();
    this.#agents = undefined;
  }
}

function makeAgents(
  { maxConnections }: HttpConnectOptions,
  { plain, secure }: Awaited<ReturnType<typeof loadHttpModules>>,
) {
  const options = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections };
  return { plain: new plain.Agent(options), secure: new secure.Agent(options) };
}
