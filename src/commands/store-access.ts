import type { HttpDestination, S3Destination } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import type { CommandArg } from "./command.ts";
import { buildNetrc } from "./netrc.ts";
import type { NixStoreAccess } from "./nix-store-access.ts";
import { type NixVersion, parseNixVersion } from "./nix-version.ts";
import { credentialProblem } from "./push-input.ts";
import { findRegion, toS3Variables } from "./s3-credentials.ts";
import { writeEndpoint } from "./s3-endpoint.ts";
import type { ToolInput } from "./tool-input.ts";

/**
 * Options with which Nix substitutes and builds nothing, and tries each request once, because older versions
 * hang or fail on retries.
 */
export const PASSIVE_OPTIONS = [
  ...["--option", "substitute", "false"],
  ...["--option", "builders", ""],
  ...["--max-jobs", "0"],
  ...["--option", "download-attempts", "1"],
] as const;

/** Options with which Nix reports progress for programs. */
export const TELL_PROGRESS = ["--log-format", "internal-json"] as const;

/** How Nix accesses an HTTP binary cache. */
export function buildHttpAccess(
  destination: HttpDestination,
  { credentials }: Pick<ToolInput, "credentials">,
): NixStoreAccess {
  return { url: destination.url, netrc: buildNetrc(destination.host, credentials.env) };
}

/** How Nix accesses an HTTP binary cache with a token as password. */
export function buildTokenAccess(url: string, token: Secret | undefined): NixStoreAccess {
  const env = new Map<string, Secret>(token === undefined ? [] : [["HTTP_PASSWORD", token]]);
  return { url, netrc: buildNetrc(new URL(url).hostname, env) };
}

// No version of Nix falls back to the machine's own cloud role if this address does not answer.
const NO_INSTANCE_ROLE = [
  ["AWS_EC2_METADATA_DISABLED", "true"],
  ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9"],
] as const;

/** How Nix accesses a bucket. */
export function buildS3Access(
  destination: S3Destination,
  { credentials, awsFiles, nixVersion }: ToolInput,
): NixStoreAccess {
  const keys = toS3Variables(credentials.env);
  const usesProfile = keys.size === 0 && destination.parameters.some(({ name }) => name === "profile");
  const profile = usesProfile ? toProfileVariables(awsFiles) : [];
  const version = parseNixVersion(nixVersion ?? "");
  const url = toStoreUrl(destination, { usesProfile, region: findRegion(credentials.env), version });
  const env = new Map<string, CommandArg | Secret>([...keys, ...profile, ...NO_INSTANCE_ROLE]);
  return { url, env };
}

function toProfileVariables(awsFiles: ToolInput["awsFiles"]): (readonly [string, string])[] {
  if (awsFiles === undefined) {
    throw credentialProblem(
      "The destination names an AWS profile; pass awsFiles, or the keys of the profile",
    );
  }
  return [
    ["AWS_SHARED_CREDENTIALS_FILE", awsFiles.credentials],
    ["AWS_CONFIG_FILE", awsFiles.config],
  ];
}

/** What a store URL depends on, besides the destination. */
interface StoreUrlOptions {
  readonly usesProfile: boolean;
  readonly region: string | undefined;
  readonly version: NixVersion | undefined;
}

/**
 * Writes the URL for Nix. Up to 2.32, `profile` makes Nix ignore keys in the environment, and since 2.33.2
 * the keys win. So `profile` is removed if there are keys. The region of the credentials is used if the URL
 * has none; Nix would use us-east-1.
 */
function toStoreUrl({ url, parameters }: S3Destination, options: StoreUrlOptions): string {
  const { usesProfile, region, version } = options;
  const kept = writeEndpoint(parameters, version).filter(({ name }) => usesProfile || name !== "profile");
  const addsRegion = region !== undefined && !kept.some(({ name }) => name === "region");
  const all = addsRegion ? [...kept, { name: "region", value: region }] : kept;
  const query = all.map(({ name, value }) => `${name}=${value}`).join("&");
  const [base = url] = url.split("?");
  return query === "" ? base : `${base}?${query}`;
}
