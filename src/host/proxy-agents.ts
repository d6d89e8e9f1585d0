import type { Agent, AgentOptions } from "node:http";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";

/** Agents that keep connections through an HTTP proxy: for `http:` it is asked for the whole URL, for `https:` for a tunnel. */
export function makeProxyAgents(
  proxy: string,
  options: AgentOptions,
): { readonly plain: Agent; readonly secure: Agent } {
  return { plain: new HttpProxyAgent(proxy, options), secure: new HttpsProxyAgent(proxy, options) };
}
