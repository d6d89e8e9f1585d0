import { posix } from "node:path";
import type { AwsProfileSource } from "../../core/credential-source.ts";
import { CredentialError, FileError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { quoteName } from "../../core/text.ts";
import type { Runtime } from "../../host/runtime.ts";
import { toCredentialError } from "../file-errors.ts";
import type { CredentialProvider, Credentials } from "../provider.ts";
import { withRetries } from "../retry.ts";
import { toAwsError } from "./aws-errors.ts";
import { readProfileSection } from "./aws-profile-section.ts";
import { createAwsRequestHandler } from "./aws-request-handler.ts";

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
 * A profile of the shared AWS files, as `@aws-sdk/credential-provider-ini` resolves it: static keys, roles, processes, SSO.
 * The SDK answers every broken profile with the same error, so the files are looked at first, and again when it fails.
 */
export function createAwsProfileProvider(source: AwsProfileSource, runtime: Runtime): CredentialProvider {
  const service = { sourceType: source.type, name: "AWS" };
  return withRetries(async ({ signal } = {}) => {
    const files = findAwsFiles(runtime);
    const section = readProfileSection(source.profile, await readAwsFiles(files, source, runtime));
    if (section === undefined) throw noProfile(source);
    const { fromIni } = await import("@aws-sdk/credential-provider-ini");
    const requestHandler = createAwsRequestHandler(service, runtime, signal);
    const resolve = fromIni({
      profile: source.profile,
      filepath: files.credentials,
      configFilepath: files.config,
      ignoreCache: true,
      clientConfig: { requestHandler, maxAttempts: 1 },
    });
    try {
      return toCredentials(await resolve(), section.get("region"));
    } catch (error) {
      signal?.throwIfAborted();
      // The SDK says the same of a broken profile and of an SSO service that is not there.
      if (isProfileError(error)) throw requestHandler.lastFailure ?? explainProfile(source, section);
      throw toAwsError(error, service, requestHandler.lastFailure);
    }
  }, runtime);
}

interface ResolvedKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

function toCredentials(keys: ResolvedKeys, region: string | undefined): Credentials {
  const env = new Map([
    ["AWS_ACCESS_KEY_ID", new Secret(keys.accessKeyId)],
    ["AWS_SECRET_ACCESS_KEY", new Secret(keys.secretAccessKey)],
  ]);
  if (keys.sessionToken !== undefined) env.set("AWS_SESSION_TOKEN", new Secret(keys.sessionToken));
  if (region !== undefined && region !== "") env.set("AWS_REGION", new Secret(region));
  return { env, expiration: keys.expiration };
}

/** Reads the files that exist, and fails if none does. */
async function readAwsFiles(files: AwsFiles, source: AwsProfileSource, runtime: Runtime) {
  const [credentials, config] = await Promise.all(
    [files.credentials, files.config].map((path) => readIfPresent(path, source, runtime)),
  );
  if (credentials !== undefined || config !== undefined) return { credentials, config };
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

function noProfile({ profile, type }: AwsProfileSource): CredentialError {
  const message = `There is no profile ${quoteName(profile, 64)} in the AWS files`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

function isProfileError(error: unknown): boolean {
  return error instanceof Error && /^(?:Credentials|Token|)ProviderError$/u.test(error.name);
}

// The error of a process that failed quotes its command line and what it printed.
function explainProfile(
  { profile, type }: AwsProfileSource,
  section: ReadonlyMap<string, string>,
): CredentialError {
  const name = quoteName(profile, 64);
  if (section.has("credential_process")) {
    const message = `The credential_process of the profile ${name} gives no valid credentials; run it by hand`;
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
  }
  if ([...section.keys()].some((key) => key.startsWith("sso_"))) {
    const message = `Nobody is logged in for the profile ${name}; run: aws sso login --profile ${name}`;
    return new CredentialError("ERR_CREDENTIAL_EXPIRED", type, message);
  }
  const message = `The profile ${name} yields no credentials; try: aws sts get-caller-identity --profile ${name}`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
