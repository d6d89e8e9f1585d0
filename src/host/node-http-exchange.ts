import type { Agent, ClientRequest } from "node:http";
import { HttpError } from "../core/errors.ts";
import { lateImport } from "../core/late-import.ts";
import type { HttpFileBody, HttpRequest, HttpResponse } from "./http-client.ts";
import { readAnswer, unreachable } from "./read-answer.ts";
import { sendFile, type Unsent } from "./send-file.ts";

/** From this size on, `Expect: 100-continue` is sent before the body, as curl does. */
const ASKED_BYTES = 1024 * 1024;
/** How long to wait for `100 Continue`, in milliseconds; old servers never send it. */
const ASKING_MS = 1_000;

/**
 * Node.js modules, loaded lazily: a host that only decides never needs them.
 */
export interface HttpModules {
  readonly plain: typeof import("node:http");
  readonly secure: typeof import("node:https");
}

/** Loads them. */
export const loadHttpModules: () => Promise<HttpModules> = lateImport(async () => ({
  plain: await import("node:http"),
  secure: await import("node:https"),
}));

/** A request under way. */
export interface Exchange {
  readonly answer: Promise<HttpResponse>;
  /**
   * Whether it used a kept connection that broke before any answer: the server had closed it meanwhile.
   */
  readonly wasStale: () => boolean;
}

/** How a request is sent. */
export interface ExchangeOptions {
  /** Whether to send `Expect: 100-continue` before a large file; default true. */
  readonly isAsking?: boolean | undefined;
  /** How long the connection may be idle, in milliseconds; default without limit. */
  readonly idleMs?: number | undefined;
}

/**
 * Sends a request, and reads the whole answer.
 *
 * @param chooseAgent - the agent for a URL of `http:` or `https:`
 */
export function startExchange(
  request: HttpRequest,
  modules: HttpModules,
  chooseAgent: (isSecure: boolean) => Agent,
  { isAsking = true, idleMs }: ExchangeOptions = {},
): Exchange {
  const { body } = request;
  const asks = isAsking && isFile(body) && body.size >= ASKED_BYTES;
  const outgoing = open({ ...request, headers: toHeaders(request, asks) }, modules, chooseAgent);
  let [hasAnswer, isIdle] = [false, false];
  if (idleMs !== undefined)
    outgoing.setTimeout(idleMs, () => {
      isIdle = true;
      outgoing.destroy(Object.assign(new Error("idle"), { code: "ETIMEDOUT" }));
    });
  outgoing.once("response", () => {
    hasAnswer = true;
  });
  return {
    answer: untilAborted(outgoing, request, asks),
    wasStale: () => outgoing.reusedSocket && !hasAnswer && !isIdle,
  };
}

async function untilAborted(
  outgoing: ClientRequest,
  request: HttpRequest,
  asks: boolean,
): Promise<HttpResponse> {
  const { signal } = request;
  let onAbort = (): void => {};
  // A request that waits for its connection emits nothing when it is destroyed.
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      outgoing.destroy();
      reject(signal?.reason);
    };
  });
  aborted.catch(() => undefined);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([exchange(outgoing, request, asks), aborted]);
  } catch (error) {
    // A destroyed request fails with other errors.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Opens a request. The message of a refused request may name a header, so it is not passed on. */
function open(
  request: HttpRequest,
  modules: HttpModules,
  chooseAgent: (isSecure: boolean) => Agent,
): ClientRequest {
  try {
    return openUnchecked(request, modules, chooseAgent);
  } catch {
    throw new HttpError(
      "ERR_HTTP_INVALID",
      "The request cannot be sent: its address or a header is malformed",
    );
  }
}

function openUnchecked(
  { url, method, headers, certificateAuthorities, serverName }: HttpRequest,
  { plain, secure }: HttpModules,
  chooseAgent: (isSecure: boolean) => Agent,
): ClientRequest {
  const target = new URL(url);
  const agent = chooseAgent(target.protocol === "https:");
  if (target.protocol !== "https:") return plain.request(target, { method, headers, agent });
  const tls = { ca: certificateAuthorities, ...(serverName === undefined ? {} : { servername: serverName }) };
  return secure.request(target, { method, headers, agent, ...tls });
}

function isFile(body: HttpRequest["body"]): body is HttpFileBody {
  return typeof body === "object" && "path" in body;
}

function toHeaders({ headers, body }: HttpRequest, asks: boolean): HttpRequest["headers"] {
  if (!isFile(body)) return headers;
  const length = { ...headers, "content-length": String(body.size) };
  return asks ? { ...length, expect: "100-continue" } : length;
}

function exchange(outgoing: ClientRequest, request: HttpRequest, asks: boolean): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    // The system's error may name addresses and certificates, so only its code is passed on.
    outgoing.on("error", (error) => reject(unreachable(request, error)));
    let isAnswered = false;
    const unsent = { bytes: isFile(request.body) ? request.body.size : 0 };
    // A server that switches protocols closes the exchange with neither an error nor a response.
    outgoing.on("close", () => {
      if (!isAnswered) reject(unreachable(request, undefined));
    });
    outgoing.on("response", (incoming) => {
      isAnswered = true;
      readAnswer(incoming, request).then(
        (response) => {
          if (unsent.bytes === 0) return resolve(response);
          // A server that answers early does not want the rest of the body. The connection cannot be reused.
          // What was not sent was not received.
          outgoing.destroy();
          if (response.status >= 300) resolve(response);
          else reject(unreachable(request, undefined));
        },
        (error: unknown) => {
          outgoing.destroy();
          reject(error);
        },
      );
    });
    sendBody(outgoing, request, asks, unsent).catch((error: unknown) => {
      outgoing.destroy();
      reject(error);
    });
  });
}

async function sendBody(
  outgoing: ClientRequest,
  { body, onUploaded }: HttpRequest,
  asks: boolean,
  unsent: Unsent,
): Promise<void> {
  if (!isFile(body)) {
    outgoing.end(body);
    return;
  }
  if (asks && !(await isWanted(outgoing))) return;
  await sendFile(outgoing, body, unsent, onUploaded);
}

/** Whether to send the body: not if the answer has already arrived. */
function isWanted(outgoing: ClientRequest): Promise<boolean> {
  return new Promise((resolve) => {
    AbortSignal.timeout(ASKING_MS).addEventListener("abort", () => resolve(true), { once: true });
    outgoing.once("continue", () => resolve(true));
    outgoing.once("response", () => resolve(false));
    outgoing.once("close", () => resolve(false));
    outgoing.flushHeaders();
  });
}
