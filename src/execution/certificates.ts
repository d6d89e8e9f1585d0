import { join } from "node:path";
import { type CommandArg, type CommandSpec, workFile } from "../commands/command.ts";
import { Secret } from "../core/secret.ts";
import { nodeFs } from "../host/node-fs.ts";
import { findCertificates } from "../host/pem-certificates.ts";

/**
 * Which tool reads which variable: nix the first two, Attic's client the second and third, Cachix the last.
 */
const FILE_NAMES = ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"] as const;
const DIRECTORY_NAME = "SSL_CERT_DIR";
const CACHIX_NAME = "SYSTEM_CERTIFICATE_PATH";

const BUNDLE = "certificates.pem";
/** Limits of a directory's certificates: entries, and bytes of each and of all. */
const MAX_ENTRIES = 2_000;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_BYTES = 8 * 1024 * 1024;

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Lets each tool trust the authorities that the host trusts. Missing variables are derived from the first of
 * `NIX_SSL_CERT_FILE`, `SSL_CERT_FILE`, `SYSTEM_CERTIFICATE_PATH` and `SSL_CERT_DIR` that is set. Variables
 * that the host sets stay as they are. For Nix, which does not read directories, a directory becomes a file.
 */
export function addCertificates(command: CommandSpec, env: Variables): CommandSpec {
  const file = env["NIX_SSL_CERT_FILE"] || env["SSL_CERT_FILE"];
  const path = file || env[CACHIX_NAME] || env[DIRECTORY_NAME];
  if (!path) return command;
  if (file || isFile(path)) return addVariables(command, env, path);
  const bundle = readDirectories(path);
  if (bundle === "") return command;
  const named = addVariables(command, env, workFile(BUNDLE));
  const added = { path: workFile(BUNDLE), content: new Secret(bundle), secrets: [] };
  return { ...named, files: [...named.files, added] };
}

/**
 * The authorities that the host trusts, by the first of these variables that is set, in PEM. Nothing if none
 * is set or has certificates; then those of Node.js are trusted.
 */
export function findHostCertificates(env: Variables): string | undefined {
  const path = env["NIX_SSL_CERT_FILE"] || env["SSL_CERT_FILE"] || env[CACHIX_NAME] || env[DIRECTORY_NAME];
  if (!path) return undefined;
  return (isFile(path) ? readText(path, MAX_BYTES) : readDirectories(path)) || undefined;
}

/** The command's own variables stay, too. */
function addVariables(command: CommandSpec, env: Variables, file: CommandArg): CommandSpec {
  const missing = [...FILE_NAMES, CACHIX_NAME].filter((name) => !env[name]);
  return { ...command, env: new Map([...missing.map((name) => [name, file] as const), ...command.env]) };
}

function isFile(path: string): boolean {
  try {
    return nodeFs().statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The certificates in directories, separated by colons as for OpenSSL; each once, even if links have other
 * names.
 */
function readDirectories(paths: string): string {
  const certificates = new Set<string>();
  let bytes = 0;
  for (const directory of paths.split(":").filter((path) => path !== "")) {
    for (const name of listEntries(directory)) {
      for (const certificate of findCertificates(readText(join(directory, name)))) {
        bytes += certificates.has(certificate) ? 0 : certificate.length;
        if (bytes > MAX_BYTES) return [...certificates].join("\n");
        certificates.add(certificate);
      }
    }
  }
  return [...certificates].join("\n");
}

function listEntries(directory: string): readonly string[] {
  try {
    return nodeFs().readdirSync(directory).slice(0, MAX_ENTRIES);
  } catch {
    return []; // A directory that cannot be read is trusted for nothing.
  }
}

function readText(path: string, maxBytes = MAX_FILE_BYTES): string {
  try {
    const status = nodeFs().statSync(path);
    // A pipe would block the whole process, and a device has no end.
    if (!status.isFile() || status.size > maxBytes) return "";
    return nodeFs().readFileSync(path, "latin1");
  } catch {
    return ""; // A directory, or a link that leads nowhere.
  }
}
