import type { AwsProfileSource } from "../../core/credential-source.ts";
import { CredentialError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import { type AwsTexts, type ProfileSection, readProfileSection } from "./aws-profile-section.ts";

/** No file has the profile. */
export function noProfile({ profile, type }: AwsProfileSource): CredentialError {
  const message = `There is no profile ${quoteName(profile, 64)} in the AWS files`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

/** Whether the SDK says that a profile is not usable, whatever the reason is. */
export function isProfileError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(?:(?:Credentials|Token|)ProviderError|InstanceMetadataV1FallbackError)$/u.test(error.name)
  );
}

/** Whether a file is not there that a profile names. */
export function isMissingFile(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** The profile's token is not there. */
export function noTokenFile({ profile, type }: AwsProfileSource): CredentialError {
  const message = `The web_identity_token_file of the profile ${quoteName(profile, 64)} does not exist`;
  return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
}

/** Most profiles in a row that lead to each other by `source_profile`. */
const MAX_CHAIN = 16;

/** Finds the profile that a failure belongs to: the last one that `source_profile` leads to. */
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
 * Says why a profile is not usable. The error of a process that failed quotes its command line and what it
 * printed, so none is quoted here.
 */
export function explainProfile({ profile, type }: AwsProfileSource, texts: AwsTexts): CredentialError {
  const [failing, section] = findFailing(profile, texts);
  const name = quoteName(failing, 64);
  if (section === undefined) {
    const message = `The profile ${quoteName(profile, 64)} leads by source_profile to ${name}, which is not there`;
    return new CredentialError("ERR_CREDENTIAL_NOT_FOUND", type, message);
  }
  if (section.has("credential_process")) {
    const message = `The credential_process of the profile ${name} gives no valid credentials; run it by hand`;
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
  }
  if ([...section.keys()].some((key) => key.startsWith("sso_"))) {
    const message = `Nobody is logged in for the profile ${name}; run: aws sso login --profile ${name}`;
    return new CredentialError("ERR_CREDENTIAL_EXPIRED", type, message);
  }
  if (section.has("credential_source")) {
    const message = `The credential_source of the profile ${name} gives no credentials; check the role of the machine or container`;
    return new CredentialError("ERR_CREDENTIAL_UNAVAILABLE", type, message);
  }
  const message = `The profile ${name} yields no credentials; try: aws sts get-caller-identity --profile ${name}`;
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", type, message);
}
