import type { HttpDestination, S3Destination } from "../cache.ts";
import type { Secret } from "../secret.ts";
import { type CommandArg, type CommandSpec, type PrivateFile, privateHome } from "./command.ts";
import { buildNetrc, EMPTY_NETRC } from "./netrc.ts";
import { credentialProblem, type PushCommandInput } from "./push-input.ts";
import { findRegion, toS3Variables } from "./s3-credentials.ts";
import { checkStorePaths } from "./store-path.ts";

/**
 * Builds `nix copy` to an S3 or HTTP binary cache, with the arguments that mean the same from Nix 2.4 on.
 *
 * The command substitutes and builds nothing, tries each request once (older versions hang or fail on retries), asks
 * the server instead of a cache what it has, and reads no configuration of the host's user.
 *
 * @param input - destination, paths and credentials
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 *
 * @example
 * ```ts
 * const command = buildNixCopyCommand({ destination, storePaths, credentials: { env: new Map() } });
 * ```
 *
 * @public
 */
export function buildNixCopyCommand(input: PushCommandInput<S3Destination | HttpDestination>): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const access = buildAccess(input);
  const netrc = ["--netrc-file", access.netrc.path];
  const args = [...BEFORE_DESTINATION, access.url, ...AFTER_DESTINATION, ...netrc, "--", ...storePaths];
  return { file: "nix", args, env: new Map([...privateHome(), ...access.env]), files: [access.netrc] };
}

const BEFORE_DESTINATION = ["--extra-experimental-features", "nix-command", "copy", "--to"];

const AFTER_DESTINATION = [
  "--no-check-sigs",
  ...["--option", "substitute", "false"],
  ...["--option", "builders", ""],
  ...["--max-jobs", "0"],
  ...["--option", "download-attempts", "1"],
  "--refresh",
];

/** How the command reaches and authenticates at a destination. */
interface Access {
  readonly url: string;
  readonly env: CommandSpec["env"];
  readonly netrc: PrivateFile;
}

function buildAccess(input: PushCommandInput<S3Destination | HttpDestination>): Access {
  const { destination, credentials, awsFiles } = input;
  switch (destination.type) {
    case "s3":
      return buildS3Access(destination, credentials, awsFiles);
    case "http":
      return buildHttpAccess(destination, credentials);
  }
}

function buildHttpAccess(destination: HttpDestination, { env }: PushCommandInput["credentials"]): Access {
  const netrc = buildNetrc(destination.host, env);
  return { url: destination.url, env: new Map(), netrc };
}

// Without an answer from this variable's address, no Nix version falls back to the machine's own cloud role.
const NO_INSTANCE_ROLE = [
  ["AWS_EC2_METADATA_DISABLED", "true"],
  ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9"],
] as const;

function buildS3Access(
  destination: S3Destination,
  credentials: PushCommandInput["credentials"],
  awsFiles: PushCommandInput["awsFiles"],
): Access {
  const keys = toS3Variables(credentials.env);
  const usesProfile = keys.size === 0 && destination.parameters.some(({ name }) => name === "profile");
  const profile = usesProfile ? toProfileVariables(awsFiles) : [];
  const url = toStoreUrl(destination, { keepProfile: usesProfile, region: findRegion(credentials.env) });
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

/**
 * Writes the URL that nix is given. Up to Nix 2.32 `profile` makes it ignore keys in the environment, and from 2.33.2 on the
 * keys win, so it goes where there are keys. The region of the credentials stands in where the URL names none: nix would
 * take us-east-1.
 */
function toStoreUrl(
  { url, parameters }: S3Destination,
  { keepProfile, region }: { readonly keepProfile: boolean; readonly region: string | undefined },
): string {
  const kept = parameters.filter(({ name }) => keepProfile || name !== "profile");
  const addsRegion = region !== undefined && !kept.some(({ name }) => name === "region");
  if (kept.length === parameters.length && !addsRegion) return url;
  const all = addsRegion ? [...kept, { name: "region", value: region }] : kept;
  const query = all.map(({ name, value }) => `${name}=${value}`).join("&");
  const [base = url] = url.split("?");
  return query === "" ? base : `${base}?${query}`;
}
