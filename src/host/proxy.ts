import { toBareHost } from "../core/bare-host.ts";

/** Loaded when it is needed, because few hosts use it. */
const net = () => process.getBuiltinModule("node:net");

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for a URL, or why it cannot be used. */
export type FoundProxy =
  | { readonly type: "none" }
  | { readonly type: "http"; readonly url: string }
  | { readonly type: "unsupported"; readonly variable: string };

/**
 * Finds the proxy for a URL in the host's variables, as curl, and so Nix, does
 * (https://curl.se/docs/manpage.html#ENVIRONMENT). `http_proxy` counts in lower case only, because a `Proxy`
 * header of a request sets the other in CGI. `https_proxy` and `all_proxy` count in both cases. Hosts of
 * `no_proxy` have none.
 */
export function findProxy(target: string, env: Environment): FoundProxy {
  const { protocol, hostname } = new URL(target);
  const names = [
    ...(protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]),
    ...["all_proxy", "ALL_PROXY"],
  ];
  const variable = names.find((name) => env[name]);
  const said = variable === undefined ? "" : (env[variable] ?? "");
  if (variable === undefined || isExcepted(hostname, env["no_proxy"] || env["NO_PROXY"] || ""))
    return { type: "none" };
  const url = /^[a-z][a-z0-9+.-]*:\/\//iu.test(said) ? said : `http://${said}`;
  const isHttp = URL.canParse(url) && ["http:", "https:"].includes(new URL(url).protocol);
  return isHttp ? { type: "http", url } : { type: "unsupported", variable };
}

/**
 * Whether `no_proxy` lists a host: by its name or a parent domain, by its address or a network.
 */
function isExcepted(hostname: string, list: string): boolean {
  const host = toBareHost(hostname).replace(/\.$/u, "").toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/u)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      if (net().isIP(host) !== 0) return isInNetwork(host, toBareHost(entry));
      const name = entry.replace(/^\.|\.$/gu, "");
      return host === name || host.endsWith(`.${name}`);
    });
}

function isInNetwork(address: string, entry: string): boolean {
  const { BlockList, isIP } = net();
  const [network = "", bits] = entry.split("/");
  const version = isIP(network);
  if (version === 0 || version !== isIP(address)) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const longest = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? longest : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > longest) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(address, family);
}
