import type { ClientRequest, IncomingMessage } from "node:http";
import { HttpError } from "../core/errors.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "./http-client.ts";

/** The {@link HttpClient} of Node.js. */
export const nodeHttpClient: HttpClient = {
  send: async (request) => {
    const { signal } = request;
    // Loaded late, since importing this package must not cost what hosts without cloud sources never use.
    const modules = { plain: await import("node:http"), secure: await import("node:https") };
    signal?.throwIfAborted();
    const outgoing = open(request, modules);
    const onAbort = (): void => void outgoing.destroy();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await exchange(outgoing, request);
    } catch (error) {
      // A request that was destroyed fails in ways of its own.
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  },
};

interface Modules {
  readonly plain: typeof import("node:http");
  readonly secure: typeof import("node:https");
}

/** Opens a request; what Node refuses to send names the header at most, yet its message does not go on. */
function open(request: HttpRequest, modules: Modules): ClientRequest {
  try {
    return openUnchecked(request, modules);
  } catch {
    throw new HttpError(
      "ERR_HTTP_INVALID",
      "The request cannot be sent: its address or a header is malformed",
    );
  }
}

// Agents of its own: the global ones may keep connections, and may use a proxy that the environment names.
function openUnchecked(
  { url, method, headers, certificateAuthorities, serverName }: HttpRequest,
  { plain, secure }: Modules,
): ClientRequest {
  const target = new URL(url);
  if (target.protocol !== "https:")
    return plain.request(target, { method, headers, agent: new plain.Agent() });
  const tls = { ca: certificateAuthorities, ...(serverName === undefined ? {} : { servername: serverName }) };
  return secure.request(target, { method, headers, agent: new secure.Agent(), ...tls });
}

function exchange(outgoing: ClientRequest, request: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    // The system's error names addresses and certificates at most, yet only its code goes on.
    outgoing.on("error", (error) => reject(unreachable(request, error)));
    // A server that switches protocols closes the exchange with neither an error nor a response.
    outgoing.on("close", () => reject(unreachable(request, undefined)));
    outgoing.on("response", (incoming) => {
      read(incoming, request).then(resolve, (error: unknown) => {
        outgoing.destroy();
        reject(error);
      });
    });
    outgoing.end(request.body);
  });
}

async function read(incoming: IncomingMessage, request: HttpRequest): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming) {
      size += chunk.length;
      if (size > request.maxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(request, error);
  }
  if (size > request.maxBytes) {
    throw new HttpError(
      "ERR_HTTP_TOO_LARGE",
      `The answer of ${toOrigin(request)} exceeds ${request.maxBytes} bytes`,
    );
  }
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const);
  return {
    status: incoming.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
  };
}

function unreachable(request: HttpRequest, error: unknown): HttpError {
  const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
  return new HttpError("ERR_HTTP_UNREACHABLE", `${toOrigin(request)} gives no whole answer${code}`);
}

function toOrigin({ url }: HttpRequest): string {
  return new URL(url).origin;
}
