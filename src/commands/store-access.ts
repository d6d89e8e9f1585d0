import { type HttpDestination, type S3Destination, toCachixAddress } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import type { CommandArg, CommandSpec, PrivateFile } from "./command.ts";
import { buildNetrc, EMPTY_NETRC } from "./netrc.ts";
import { type NixVersion, parseNixVersion } from "./nix-version.ts";
import { credentialProblem, type PushCommandInput } from "./push-input.ts";
import { findRegion, toS3Variables } from "./s3-credentials.ts";
import { writeEndpoint } from "./s3-endpoint.ts";

/** Options with which nix substitutes and builds nothing and tries each request once; older versions hang or fail on retries. */
export const PASSIVE_OPTIONS = [
  ...["--option", "substitute", "false"],
  ...["--option", "builders", ""],
  ...["--max-jobs", "0"],
  ...["--option", "download-attempts", "1"],
] as const;

/** Options with which nix tells programs how far it is. */
export const TELL_PROGRESS = ["--log-format", "internal-json"] as const;

/** How nix reaches a cache as a store, and authenticates there. */
export interface StoreAccess {
  readonly url: string;
  readonly env: CommandSpec["env"];
  readonly netrc: PrivateFile;
}

/**
 * Builds the access of nix to a cache of any type. The caches of Cachix and Attic are HTTP binary caches to it, where their
 * tokens are passwords.
 *
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export function buildStoreAccess(input: PushCommandInput): StoreAccess {
  const { destination } = input;
  switch (destination.type) {
    case "cachix":
      return buildTokenAccess(toCachixAddress(destination), input.credentials.env.get("CACHIX_AUTH_TOKEN"));
    case "attic":
      return buildTokenAccess(destination.url, input.credentials.env.get("ATTIC_TOKEN"));
    case "s3":
      return buildS3Access(destination, input);
    case "http":
      return buildHttpAccess(destination, input.credentials);
  }
}

function buildHttpAccess(
  destination: HttpDestination,
  { env }: PushCommandInput["credentials"],
): StoreAccess {
  const netrc = buildNetrc(destination.host, env);
  return { url: destination.url, env: new Map(), netrc };
}

function buildTokenAccess(url: string, token: Secret | undefined): StoreAccess {
  const env = new Map<string, Secret>(token === undefined ? [] : [["HTTP_PASSWORD", token]]);
  return { url, env: new Map(), netrc: buildNetrc(new URL(url).hostname, env) };
}

// Without an answer from this variable's address, no Nix version falls back to the machine's own cloud role.
const NO_INSTANCE_ROLE = [
  ["AWS_EC2_METADATA_DISABLED", "true"],
  ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9"],
] as const;

function buildS3Access(
  destination: S3Destination,
  { credentials, awsFiles, nixVersion }: PushCommandInput,
): StoreAccess {
  const keys = toS3Variables(credentials.env);
  const usesProfile = keys.size === 0 && destination.parameters.some(({ name }) => name === "profile");
  const profile = usesProfile ? toProfileVariables(awsFiles) : [];
  const version = parseNixVersion(nixVersion ?? "");
  const url = toStoreUrl(destination, { usesProfile, region: findRegion(credentials.env), version });
  const env = new Map<string, CommandArg | Secret>([...keys, ...profile, ...NO_INSTANCE_ROLE]);
  return { url, env, netrc: EMPTY_NETRC };
}

function toProfileVariables(awsFiles: PushCommandInput["awsFiles"]): (readonly [string, string])[] {
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

/** What a store URL depends on besides the destination. */
interface StoreUrlOptions {
  readonly usesProfile: boolean;
  readonly region: string | undefined;
  readonly version: NixVersion | undefined;
}

/**
 * Writes the URL that nix is given. Up to Nix 2.32 `profile` makes it ignore keys in the environment, and from 2.33.2 on the
 * keys win, so it goes where there are keys. The region of the credentials stands in where the URL names none: nix would
 * take us-east-1.
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
