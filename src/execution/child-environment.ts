import type { CommandArg, CommandSpec } from "../commands/command.ts";
import { Secret } from "../core/secret.ts";
import type { Runtime } from "../host/runtime.ts";
import { findPassword, secretsOf } from "./secrets-of.ts";

/**
 * The variables of the host that a child gets besides PATH: certificates, proxies, the Nix daemon and store.
 */
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
 * Builds a child's environment: the fixed list, names that the host adds, and the command's own variables,
 * which win.
 *
 * @param resolve - turns a path of the work directory into an absolute one
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
  // An empty PATH would mean the working directory; without one, the system's default holds.
  const search = path === "" ? [] : [["PATH", path] as const];
  return {
    variables: Object.fromEntries([...search, ...inherited, ...own]),
    secrets: [...secretsOf(command), ...inherited.flatMap(([, value]) => findPassword(value))],
  };
}

type Resolve = (argument: CommandArg) => string;

function toText(value: CommandArg | Secret, resolve: Resolve): string {
  return value instanceof Secret ? value.expose() : resolve(value);
}

/** Secrets in the variables that every child gets: passwords of proxies. */
export function findHostSecrets({ env }: Runtime): readonly string[] {
  return INHERITED_NAMES.flatMap((name) => (Object.hasOwn(env, name) ? findPassword(env[name] ?? "") : []));
}
