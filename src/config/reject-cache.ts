import { ConfigError } from "./text/config-error.ts";
import type { Diagnostic } from "./text/diagnostic.ts";

/**
 * The error for a cache of a configuration that was written by hand, or that needs something this host does
 * not have.
 */
export function rejectCache(
  index: number,
  key: string,
  code: Diagnostic["code"],
  message: string,
): ConfigError {
  const path = ["caches", index, key];
  const diagnostic: Diagnostic = { code, severity: "error", message, source: "ServerConfig", path };
  return new ConfigError("ERR_CONFIG_INVALID", `caches[${index}].${key}: ${message}`, [diagnostic]);
}
