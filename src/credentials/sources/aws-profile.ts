import type { AwsProfileSource } from "../../core/credential-source.ts";
import { CredentialError, FileError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { quoteName } from "../../core/text.ts";
import type { Runtime } from "../../host/runtime.ts";
import { AbandonedWork } from "../abandoned-work.ts";
import { type AwsFiles, findAwsFiles } from "../aws-files.ts";
import { toCredentialError } from "../file-errors.ts";
import type { CredentialProvider, Credentials } from "../provider.ts";
import { withRetries } from "../retry.ts";
import { assumeWebIdentity, type WebIdentityParams } from "./assume-web-identity.ts";
import { toAwsError } from "./aws-errors.ts";
import {
  explainProfile,
  isMissingFile,
  isProfileError,
  noProfile,
  noTokenFile,
} from "./aws-profile-errors.ts";
import { type AwsTexts, readProfileSection } from "./aws-profile-section.ts";
import { createAwsRequestHandler } from "./aws-request-handler.ts";

const MAX_BYTES = 1024 * 1024;

/**
 * Keys with which a profile yields credentials. A profile without them, for example with only a region, is
 * not an identity.
 */
const IDENTITY_KEYS = [
  "aws_access_key_id",
  "role_arn",
  "credential_process",
  "credential_source",
  "sso_session",
  "sso_start_url",
  "login_session",
];

/** Whether the shared AWS files have credentials of a profile. */
export async function hasAwsProfile(source: AwsProfileSource, runtime: Runtime): Promise<boolean> {
  const [credentials, config] = await Promise.all(
    Object.values(findAwsFiles(runtime)).map((path) => readIfPresent(path, source, runtime)),
  );
  const section = readProfileSection(source.profile, { credentials, config });
  return IDENTITY_KEYS.some((key) => section?.has(key) === true);
}

/**
 * A profile of the shared AWS files, as `@aws-sdk/credential-provider-ini` resolves it: static keys, roles,
 * processes, SSO. The SDK does not end a process after its timeout, so the next request waits for it before
 * starting another.
 */
export function createAwsProfileProvider(source: AwsProfileSource, runtime: Runtime): CredentialProvider {
  const resolve = createProfileResolver(source, runtime);
  return withRetries(({ signal } = {}) => resolve(signal), runtime);
}

/** Resolves a profile once, after abandoned work of an earlier caller. */
export type ProfileResolver = (signal: AbortSignal | undefined) => Promise<Credentials>;

/** Creates the resolver of a profile. If the files change, it counts as another profile. */
export function createProfileResolver(source: AwsProfileSource, runtime: Runtime): ProfileResolver {
  const work = new AbandonedWork<Credentials>();
  return async (signal) => {
    const texts = await readAwsFiles(findAwsFiles(runtime), source, runtime);
    return work.run(JSON.stringify(texts), () => resolveAwsProfile(source, texts, runtime, signal), signal);
  };
}

/**
 * The SDK reports every broken profile with the same error, so the files are checked before, and again after
 * a failure.
 */
async function resolveAwsProfile(
  source: AwsProfileSource,
  texts: AwsTexts,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): Promise<Credentials> {
  const service = { sourceType: source.type, name: "AWS" };
  const files = findAwsFiles(runtime);
  const section = readProfileSection(source.profile, texts);
  if (section === undefined) throw noProfile(source);
  const { fromIni } = await import("@aws-sdk/credential-provider-ini");
  const requestHandler = createAwsRequestHandler(service, runtime, signal);
  const clientConfig = { requestHandler, maxAttempts: 1 };
  const region =
    section.get("region") || runtime.env["AWS_REGION"] || runtime.env["AWS_DEFAULT_REGION"] || "us-east-1";
  const stsConfig = { ...clientConfig, region };
  const resolve = fromIni({
    profile: source.profile,
    filepath: files.credentials,
    configFilepath: files.config,
    ignoreCache: true,
    clientConfig,
    parentClientConfig: stsConfig,
    // The SDK's own provider has no option to limit its attempts.
    roleAssumerWithWebIdentity: (params: WebIdentityParams) => assumeWebIdentity(params, stsConfig),
    ...METADATA_VERSION_2,
  });
  try {
    return toCredentials(await resolve(), section.get("region"));
  } catch (error) {
    signal?.throwIfAborted();
    if (isMissingFile(error)) throw noTokenFile(source);
    // The SDK reports a broken profile and an unreachable SSO service in the same way.
    if (isProfileError(error)) throw requestHandler.lastFailure ?? explainProfile(source, texts);
    throw toAwsError(error, service, requestHandler.lastFailure);
  }
}

/**
 * For `credential_source = Ec2InstanceMetadata`, which gets the options of `fromIni`: version 1 needs no
 * session token.
 */
const METADATA_VERSION_2 = { ec2MetadataV1Disabled: true };

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
async function readAwsFiles(files: AwsFiles, source: AwsProfileSource, runtime: Runtime): Promise<AwsTexts> {
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
