import { posix } from "node:path";
import type { AwsProfileSource } from "../../credential-source.ts";
import { CredentialError, FileError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { Secret } from "../../secret.ts";
import { quoteName } from "../../text.ts";
import { toCredentialError } from "../file-errors.ts";
import type { CredentialProvider, Credentials } from "../provider.ts";

const MAX_BYTES = 1024 * 1024;

/** Where the shared AWS files are, by the rules of the AWS SDKs. */
export interface AwsFiles {
  /** Absolute path of the credentials file. */
  readonly credentials: string;
  /** Absolute path of the configuration file. */
  readonly config: string;
}

/** Finds the shared AWS files: `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`, else those under `~/.aws`. */
export function findAwsFiles({ env, user, workingDirectory }: Runtime): AwsFiles {
  const expand = (path: string): string =>
    posix.resolve(workingDirectory(), path.replace(/^~(?=\/)/u, user.homeDirectory));
  return {
    credentials: expand(env["AWS_SHARED_CREDENTIALS_FILE"] || "~/.aws/credentials"),
    config: expand(env["AWS_CONFIG_FILE"] || "~/.aws/config"),
  };
}

/**
 * A profile of the shared AWS files, as `@aws-sdk/credential-provider-ini` resolves it. The SDK answers every failure
 * with the same error, so the files are looked at first, and again when it fails.
 */
export function createAwsProfileProvider(source: AwsProfileSource, runtime: Runtime): CredentialProvider {
  return async () => {
    const files = findAwsFiles(runtime);
    const texts = await readAwsFiles(files, source, runtime);
    const { fromIni } = await import("@aws-sdk/credential-provider-ini");
    const resolve = fromIni({
      profile: source.profile,
      filepath: files.credentials,
      configFilepath: files.config,
      ignoreCache: true,
    });
    return toCredentials(await resolve().catch(() => Promise.reject(explainFailure(source, texts))));
  };
}

interface ResolvedKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

function toCredentials(keys: ResolvedKeys): Credentials {
  const env = new Map([
    ["AWS_ACCESS_KEY_ID", new Secret(keys.accessKeyId)],
    ["AWS_SECRET_ACCESS_KEY", new Secret(keys.secretAccessKey)],
  ]);
  if (keys.sessionToken !== undefined) env.set("AWS_SESSION_TOKEN", new Secret(keys.sessionToken));
  return { env, expiration: keys.expiration };
}

/** Reads the files that exist, and fails if none does. */
async function readAwsFiles(
  files: AwsFiles,
  source: AwsProfileSource,
  runtime: Runtime,
): Promise<readonly string[]> {
  const paths = [files.credentials, files.config];
  const texts = await Promise.all(paths.map((path) => readIfPresent(path, source, runtime)));
  const present = texts.filter((text) => text !== undefined);
  if (present.length > 0) return present;
  const message = `Neither ${quoteName(files.credentials, 512)} nor ${quoteName(files.config, 512)} exists`;
  throw new CredentialError("ERR_CREDENTIAL_NOT_FOUND", source.type, message);
}

async function readIfPresent(
  path: string,
  source: AwsProfileSource,
  runtime: Runtime,
): Promise<string | undefined> {
  try {
    return new TextDecoder().decode((await runtime.files.read(path, { maxBytes: MAX_BYTES })).bytes);
  } catch (error) {
    if (error instanceof FileError && error.code === "ERR_FILE_NOT_FOUND") return undefined;
    throw toCredentialError(error, source.type, "The AWS file");
  }
}

function explainFailure({ profile, type }: AwsProfileSource, texts: readonly string[]): CredentialError {
  const headers = texts
    .flatMap((text) => text.split(/\r?\n/u))
    .map((line) => /^\s*\[([^\]]*)\]/u.exec(line)?.[1]?.trim());
  const name = quoteName(profile, 64);
  if (!headers.includes(profile) && !headers.includes(`profile ${profile}`)) {
    const message = `There is no profile ${name} in the AWS files`;
    return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
  }
  const message = `The profile ${name} yields no credentials; try: aws sts get-caller-identity --profile ${name}`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
