import { writeEntry } from "../text/literal-value.ts";

/** What is known about a credential in the file. */
export interface MisplacedCredential {
  /** The key or variable that has it. */
  readonly name?: string | undefined;
  /** `cache_type` of the cache it is for. */
  readonly cacheType?: unknown;
  /** `destination` of the cache it is for. */
  readonly destination?: unknown;
}

/** Variables that hold the credentials of a push tool, as its source names them. */
const VARIABLES = {
  s3: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
  minio: ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"],
  http: ["HTTP_USERNAME", "HTTP_PASSWORD"],
  attic: ["ATTIC_TOKEN"],
} as const;

/** The variables that push tools and sources read credentials from. */
const CREDENTIAL_NAME =
  /^(?:AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|MINIO_(?:ACCESS|SECRET)_KEY|CACHIX_(?:AUTH_TOKEN|SIGNING_KEY)|ATTIC_TOKEN|VAULT_TOKEN|HTTP_(?:USERNAME|PASSWORD))$/iu;

const SECRET_WORD =
  /(?:^|[_-])(?:password|passwd|passphrase|pass|pwd|secret|token|api[_-]?key|secret[_-]?id|access[_-]?key(?:[_-]?id)?|secret[_-]?key|private[_-]?key)$/iu;

/** Whether this is the name of a variable that push tools or sources read a credential from. */
export function isCredentialVariable(name: string): boolean {
  return CREDENTIAL_NAME.test(name);
}

/** Whether a key or variable has the name of a credential. */
export function isCredentialName(name: string): boolean {
  return isCredentialVariable(name) || SECRET_WORD.test(name);
}

/**
 * Whether an unknown key with this value was meant to hold a credential.
 *
 * @param isNearKnown - whether the key may be a known one, misspelt
 */
export function isMisplaced(key: string, value: unknown, isNearKnown: boolean): boolean {
  return typeof value === "string" && (isCredentialVariable(key) || (!isNearKnown && isCredentialName(key)));
}

/** The `credentials` that fit a cache, as the value of its key. */
export function adviseCredentials(about: MisplacedCredential): Readonly<Record<string, unknown>> {
  const kind = findKind(about);
  if (kind === undefined) return { env: { vars: ["NAME_OF_A_VARIABLE"] } };
  return kind === "cachix"
    ? { "cachix-token": { env_var: "CACHIX_AUTH_TOKEN" } }
    : { env: { vars: [...VARIABLES[kind]] } };
}

/** Says which source to use instead of a credential in a file. */
export function adviseSource(about: MisplacedCredential): string {
  if (/^vault/iu.test(about.name ?? ""))
    return 'Remove it and replace it at its issuer; name the variable that holds it instead, as in token_env = "VAULT_TOKEN"';
  const entry = writeEntry("credentials", adviseCredentials(about), "toml");
  return `Remove it and replace it at its issuer; ekaci.toml says where it is, as in ${entry}`;
}

function findKind({
  name = "",
  cacheType,
  destination,
}: MisplacedCredential): "cachix" | keyof typeof VARIABLES | undefined {
  if (/^cachix/iu.test(name) || cacheType === "cachix") return "cachix";
  if (/^attic/iu.test(name) || cacheType === "attic") return "attic";
  if (/^minio/iu.test(name)) return "minio";
  if (/^aws/iu.test(name)) return "s3";
  const isHttp = typeof destination === "string" && /^https?:/iu.test(destination);
  if (/^http/iu.test(name) || isHttp) return "http";
  return cacheType === "nix-copy" ? "s3" : undefined;
}
