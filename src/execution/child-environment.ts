import type { CommandArg, CommandSpec } from "../commands/command.ts";
import { Secret } from "../core/secret.ts";
import type { Runtime } from "../host/runtime.ts";

/** What a child gets of the host's environment besides PATH: certificates, proxies, the Nix daemon and store. */
const INHERITED_NAMES = [
  "NIX_SSL_CERT_FILE",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SYSTEM_CERTIFICATE_PATH",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "NIX_REMOTE",
  "NIX_STORE_DIR",
  "NIX_STATE_DIR",
  "NIX_LOG_DIR",
  "NIX_CONF_DIR",
  "NIX_DAEMON_SOCKET_PATH",
] as const;

/** The environment of a child, and the secrets in it. */
export interface ChildEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/**
 * Builds a child's environment: the fixed list, names that the host adds, and the command's own variables, which win.
 *
 * @param resolve - turns a place in the work directory into a path
 */
export function buildChildEnvironment(
  command: CommandSpec,
  path: string,
  options: { readonly runtime: Runtime; readonly inheritEnv: readonly string[]; readonly resolve: Resolve },
): ChildEnvironment {
  const { runtime, inheritEnv, resolve } = options;
  const names = [...INHERITED_NAMES, ...inheritEnv].filter(
    (name) => name !== "PATH" && Object.hasOwn(runtime.env, name),
  );
  const inherited = names.map((name) => [name, runtime.env[name] ?? ""] as const);
  const own = [...command.env].map(([name, value]) => [name, toText(value, resolve)] as const);
  const values = [...command.env.values(), ...command.files.flatMap((file) => file.secrets)];
  const secrets = values.filter((value) => value instanceof Secret).map((secret) => secret.expose());
  // An empty PATH would mean the working directory; without one, the system's default holds.
  const search = path === "" ? [] : [["PATH", path] as const];
  return {
    variables: Object.fromEntries([...search, ...inherited, ...own]),
    secrets: [...secrets, ...inherited.flatMap(([, value]) => findPassword(value))],
  };
}

type Resolve = (argument: CommandArg) => string;

function toText(value: CommandArg | Secret, resolve: Resolve): string {
  return value instanceof Secret ? value.expose() : resolve(value);
}

/** The password of a URL, as a proxy's may be, with or without its scheme; it is one more text to redact. */
function findPassword(value: string): string[] {
  const url = /^[a-z][a-z0-9+.-]*:\/\//iu.test(value) ? value : `http://${value.replace(/^\/\//u, "")}`;
  const password = URL.canParse(url) ? new URL(url).password : "";
  return password === "" ? [] : [password, decode(password)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
