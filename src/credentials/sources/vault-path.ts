import { isRecord, type Members, readMember } from "../../core/own-member.ts";
import type { VaultAnswer } from "./vault-client.ts";

/** A mount of Vault's key-value engine. */
export interface VaultMount {
  /** Its path, ending in `/`. */
  readonly path: string;
  /** Whether it keeps versions (KV version 2). */
  readonly versioned: boolean;
}

/** Reads the answer of `sys/internal/ui/mounts/<path>`; nothing if it is not about this path. */
export function parseMount(
  body: Members,
  { path, namespace }: { readonly path: string; readonly namespace: string | undefined },
): VaultMount | undefined {
  const data = readMember(body, "data");
  const told = isRecord(data) ? readMember(data, "path") : undefined;
  // Below a namespace, the path may begin with it.
  const prefix = `${(namespace ?? "").replace(/^\/+|\/+$/gu, "")}/`;
  const mount =
    typeof told === "string" && prefix !== "/" && told.startsWith(prefix) ? told.slice(prefix.length) : told;
  if (!isRecord(data) || typeof mount !== "string" || mount === "" || !`${path}/`.startsWith(mount))
    return undefined;
  const options = readMember(data, "options");
  return { path: mount, versioned: isRecord(options) && readMember(options, "version") === "2" };
}

/** The path to read a secret from: below `data/` if the mount keeps versions. */
export function toDataPath(path: string, mount: VaultMount): string {
  const rest = path.slice(mount.path.length);
  return !mount.versioned || rest.startsWith("data/") ? path : `${mount.path}data/${rest}`;
}

/**
 * The other path to try if the mount is not known. If Vault warns that `data/` is missing, the first segment
 * counts as the mount.
 */
export function findDataPath(path: string, { body }: VaultAnswer): string | undefined {
  const warnings = readMember(body, "warnings");
  const isMisplaced =
    Array.isArray(warnings) && warnings.some((text) => /versioned K\/V/iu.test(String(text)));
  const [mount = "", ...rest] = path.split("/");
  return isMisplaced && rest.length > 0 ? [mount, "data", ...rest].join("/") : undefined;
}
