import type { VaultSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { findCertificates } from "../../host/pem-certificates.ts";
import type { Runtime } from "../../host/runtime.ts";
import { toCredentialError } from "../file-errors.ts";

/** Limits: bytes of a file and of all, and entries of a directory. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_ENTRIES = 2_000;

/**
 * Reads the trusted authorities of a Vault server: the file of `VAULT_CACERT`, else the files in the
 * directory of `VAULT_CAPATH`, in the order of Vault's own client
 * (https://developer.hashicorp.com/vault/docs/commands#environment-variables).
 *
 * @returns certificates in PEM; nothing to trust the system's authorities
 * @throws {@link CredentialError} if it cannot be read, `ERR_CREDENTIAL_MALFORMED` if it has no certificate
 */
export async function readVaultCertificates(
  { type }: VaultSource,
  runtime: Runtime,
): Promise<string | undefined> {
  const { VAULT_CACERT: file, VAULT_CAPATH: directory } = runtime.env;
  const name = file ? "VAULT_CACERT" : "VAULT_CAPATH";
  if (!file && !directory) return undefined;
  try {
    const texts = file ? [await readText(file, runtime)] : await readDirectory(directory ?? "", runtime);
    const certificates = [...new Set(texts.flatMap(findCertificates))];
    if (certificates.length > 0) return certificates.join("\n");
  } catch (error) {
    throw toCredentialError(error, type, name);
  }
  throw new CredentialError("ERR_CREDENTIAL_MALFORMED", type, `${name} holds no certificate in PEM`);
}

/** The links that OpenSSL needs lead to the same files. Unreadable files are ignored. */
async function readDirectory(directory: string, runtime: Runtime): Promise<readonly string[]> {
  const names = await runtime.files.list(directory, { maxEntries: MAX_ENTRIES });
  const texts: string[] = [];
  let length = 0;
  for (const name of names) {
    const text = await readText(`${directory}/${name}`, runtime).catch(() => "");
    length += text.length;
    if (length > MAX_BYTES) break;
    texts.push(text);
  }
  return texts;
}

async function readText(path: string, { files }: Runtime): Promise<string> {
  return new TextDecoder().decode((await files.read(path, { maxBytes: MAX_FILE_BYTES })).bytes);
}
