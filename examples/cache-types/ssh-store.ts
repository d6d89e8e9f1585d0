/**
 * A cache type of the host's own: a Nix store that is reached over SSH. The private key is a credential and a
 * private file of the run, and the server's key is pinned in the configuration:
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
 * `STORE_SSH_KEY` holds the file of the key in base64, since a credential has no line breaks.
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

// A user and a host name or address: nothing that ssh would take for an option, and none of the parameters of
// Nix's stores.
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

/** How nix reaches the store: the same for the push and for the question what is there. */
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
    // ssh reads these paths from where it starts, which is the work directory.
    env: new Map([["NIX_SSHOPTS", `${SSH_OPTIONS.join(" ")} -p ${port}`]]),
    files: [
      { path: workFile("ssh-key"), content, secrets: [key, content] },
      { path: workFile("known-hosts"), content: new Secret(known), secrets: [] },
    ],
  };
}

/** Nothing of the host's user counts, and a host with another key is no host. */
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
