import type { Agent, AgentOptions } from "node:http";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";

/** How long a proxy may take to connect, in milliseconds. */
const CONNECT_MS = 60_000;

/** Agents with one proxy. */
export interface ProxyAgents {
  readonly plain: Agent;
  readonly secure: Agent;
}

/** Ends a connection that is not established; the agents would wait forever. */
async function inTime<T>(connecting: Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(CONNECT_MS);
  return await new Promise<T>((resolve, reject) => {
    const onTimeout = (): void => reject(Object.assign(new Error("idle"), { code: "ETIMEDOUT" }));
    signal.addEventListener("abort", onTimeout, { once: true });
    connecting.then(resolve, reject).finally(() => signal.removeEventListener("abort", onTimeout));
  });
}

class PlainAgent extends HttpProxyAgent<string> {
  override connect(...args: Parameters<HttpProxyAgent<string>["connect"]>) {
    return inTime(super.connect(...args));
  }
}

class TunnelAgent extends HttpsProxyAgent<string> {
  override connect(...args: Parameters<HttpsProxyAgent<string>["connect"]>) {
    return inTime(super.connect(...args));
  }
}

/**
 * Creates agents that reuse connections through an HTTP proxy. For `http:` the proxy gets the whole URL, for
 * `https:` it opens a tunnel.
 *
 * @param signal - ends all connections to the proxy, also those without an answer yet
 */
export function makeProxyAgents(proxy: string, options: AgentOptions, signal: AbortSignal): ProxyAgents {
  const ended = { ...options, signal };
  return { plain: new PlainAgent(proxy, ended), secure: new TunnelAgent(proxy, ended) };
}
