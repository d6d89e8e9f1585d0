/**
 * A cache type of the host: a Nix store over SSH. The private key is a credential and a private file of the
 * run. The server's key is pinned in the configuration:
 *
 * ```toml
 * [[caches]]
 * id = "builder"
 * cache_type = "custom:ssh"
 * destination = "ssh-ng://nix-ssh@builder.example.org"
 * options = { host_key = "ssh-ed25519 AAAAC3Nza…" }
 * credentials = { env = { vars = ["STORE_SSH_KEY"] } }
 * permissions = { allow_all = false, allowed_repos = ["myorg/*"] }
 * ```
 *
 * `STORE_SSH_KEY` holds the key file in base64, because a credential has no line breaks.
 */
import {
  buildNixStoreCopyCommand,
  type CacheTypeInput,
  CommandError,
  defineCacheType,
  type NixStoreAccess,
  Secret,
  workFile,
} from "@eka-ci/caches";
import * as v from "valibot";

// A user, and a host name or address. It cannot be an option of ssh or a parameter of a Nix store.
const DESTINATION =
  /^ssh-ng:\/\/((?:[a-z_][a-z0-9_-]{0,31}@)?([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?))$/u;
const HOST_KEY = /^(?:ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]{1,1024}={0,2}$/u;

const settings = v.strictObject({
  destination: v.pipe(v.string(), v.regex(DESTINATION)),
  options: v.strictObject({
    host_key: v.pipe(v.string(), v.regex(HOST_KEY)),
    port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)), 22),
  }),
});

type SshStore = v.InferOutput<typeof settings>;

/** How Nix reaches the store, both to push and to ask what is there. */
function toAccess({ target, credentials }: CacheTypeInput<SshStore>): NixStoreAccess {
  const key = credentials.get("STORE_SSH_KEY");
  if (key === undefined)
    throw new CommandError("ERR_COMMAND_CREDENTIALS", "A store over SSH needs STORE_SSH_KEY");
  const { host_key: hostKey, port } = target.options;
  const [, , host = ""] = DESTINATION.exec(target.destination) ?? [];
  const content = new Secret(Buffer.from(key.expose(), "base64").toString("utf8"));
  const known = `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}\n`;
  return {
    url: target.destination,
    // ssh reads these paths relative to its working directory, which is the work directory of the run.
    env: new Map([["NIX_SSHOPTS", `${SSH_OPTIONS.join(" ")} -p ${port}`]]),
    files: [
      { path: workFile("ssh-key"), content, secrets: [key, content] },
      { path: workFile("known-hosts"), content: new Secret(known), secrets: [] },
    ],
  };
}

/** The configuration of the host's user is ignored, and a host with another key is refused. */
const SSH_OPTIONS = [
  ...["-F", "none", "-i", "ssh-key"],
  ..."IdentitiesOnly=yes IdentityAgent=none UserKnownHostsFile=known-hosts GlobalKnownHostsFile=none StrictHostKeyChecking=yes BatchMode=yes ConnectTimeout=20"
    .split(" ")
    .map((option) => `-o${option}`),
];

/** `cache_type = "custom:ssh"`. */
export const sshStore = defineCacheType({
  type: "custom:ssh",
  tool: "nix",
  credentialNames: ["STORE_SSH_KEY"],
  schema: settings,
  build: (input) => buildNixStoreCopyCommand(toAccess(input), input),
  verify: toAccess,
  texts: [
    {
      pattern: /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/u,
      means: "misconfigured",
    },
    { pattern: /Permission denied \((?:publickey|password)/u, means: "unauthorized" },
    { pattern: /error in libcrypto|invalid format/u, means: "unauthorized" },
    {
      pattern: /Could not resolve hostname|Connection (?:refused|timed out)|No route to host/u,
      means: "away",
    },
    { pattern: /cannot connect to '|Connection (?:reset|closed) by/u, means: "broken" },
  ],
});
