import type { AwsProfileSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import { type AwsTexts, type ProfileSection, readProfileSection } from "./aws-profile-section.ts";

/** No file has the profile. */
export function noProfile({ profile, type }: AwsProfileSource): CredentialError {
  const message = `There is no profile ${quoteName(profile, 64)} in the AWS files`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

/** Whether the SDK reports that a profile is not usable, for any reason. */
export function isProfileError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(?:(?:Credentials|Token|)ProviderError|InstanceMetadataV1FallbackError)$/u.test(error.name)
  );
}

/** Whether a file that a profile names is missing. */
export function isMissingFile(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** The profile's token is missing. */
export function noTokenFile({ profile, type }: AwsProfileSource): CredentialError {
  const message = `The web_identity_token_file of the profile ${quoteName(profile, 64)} does not exist`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

/** How many profiles in a row may refer to each other by `source_profile`. */
const MAX_CHAIN = 16;

/** Finds the profile of a failure: the last one in the chain of `source_profile`. */
function findFailing(
  profile: string,
  texts: AwsTexts,
): readonly [name: string, section: ProfileSection | undefined] {
  let name = profile;
  let section = readProfileSection(name, texts);
  for (let links = 0; links < MAX_CHAIN; links++) {
    const source = section?.get("source_profile");
    if (source === undefined || source === name) break;
    name = source;
    section = readProfileSection(name, texts);
  }
  return [name, section];
}

/**
 * Returns why a profile is not usable. The SDK's error of a failed process quotes its command line and
 * output, so it is not quoted here.
 */
export function explainProfile({ profile, type }: AwsProfileSource, texts: AwsTexts): CredentialError {
  const [failing, section] = findFailing(profile, texts);
  const name = quoteName(failing, 64);
  if (section === undefined) {
    const message = `The source_profile of the profile ${quoteName(profile, 64)} leads to ${name}, which does not exist`;
    return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
  }
  if (section.has("credential_process")) {
    const message = `The credential_process of the profile ${name} returned no valid credentials; run it by hand`;
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
  }
  if ([...section.keys()].some((key) => key.startsWith("sso_"))) {
    const message = `Nobody is logged in for the profile ${name}; run: aws sso login --profile ${name}`;
    return new CredentialError("ERR_CREDENTIAL_EXPIRED", type, message);
  }
  if (section.has("credential_source")) {
    const message = `The credential_source of the profile ${name} returned no credentials; check the role of the machine or container`;
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
  }
  const message = `The profile ${name} yields no credentials; try: aws sts get-caller-identity --profile ${name}`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
