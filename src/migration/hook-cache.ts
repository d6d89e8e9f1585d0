import { parseDestination } from "../config/destination/destination.ts";
import { writeValue } from "../config/text/literal-value.ts";
import { isUnshowable } from "../config/text/secret-forms.ts";
import type { BuiltInCacheType } from "../core/cache.ts";
import { splitAssignment } from "../core/text.ts";
import type { PushHook } from "./hook-command.ts";

/** A cache of a hook, in the form of `ekaci.toml`. */
export interface HookCache {
  /** The prefix of its id. */
  readonly kind: "s3" | "http" | "cachix" | "attic";
  readonly cacheType: BuiltInCacheType;
  readonly destination: string;
  readonly credentials: Readonly<Record<string, unknown>>;
  /** What the operator must check. */
  readonly notes: readonly string[];
}

/** Addresses of attic servers by the name that clients gave them. */
export type AtticServers = Readonly<Record<string, string>>;

/** Turns a push into a cache, or returns why it cannot. */
export function toHookCache(push: PushHook, atticServers: AtticServers): HookCache | string {
  const cache = toCache(push, atticServers);
  if (typeof cache === "string") return cache;
  const written = [cache.destination, writeValue(cache.credentials, "toml"), ...cache.notes];
  return written.some(isUnshowable) ? "its destination, or a name in it, looks like a credential" : cache;
}

function toCache(push: PushHook, atticServers: AtticServers): HookCache | string {
  switch (push.tool) {
    case "cachix":
      return toCachixCache(push.name, push.environment);
    case "attic":
      return toAtticCache(push.server, push.cache, atticServers);
    case "nix-copy":
      return push.destination.startsWith("s3://") ? toS3Cache(push) : toHttpCache(push);
  }
}

function toCachixCache(name: string, environment: ReadonlyMap<string, string>): HookCache | string {
  const vars = ["CACHIX_AUTH_TOKEN", "CACHIX_SIGNING_KEY"].filter((key) => environment.has(key));
  const credentials = vars.includes("CACHIX_SIGNING_KEY")
    ? { env: { vars } }
    : { "cachix-token": { env_var: "CACHIX_AUTH_TOKEN" } };
  return checked({ kind: "cachix", cacheType: "cachix", destination: name, credentials, notes: [] });
}

function toAtticCache(
  server: string | undefined,
  cache: string,
  atticServers: AtticServers,
): HookCache | string {
  const name = server ?? "default";
  const address = Object.hasOwn(atticServers, name) ? atticServers[name] : undefined;
  const credentials = { env: { vars: ["ATTIC_TOKEN"] } };
  const base = { kind: "attic", cacheType: "attic", credentials } as const;
  if (address !== undefined)
    return checked({ ...base, destination: `${address.replace(/\/$/u, "")}/${cache}`, notes: [] });
  // Not a valid destination, so that the file does not load until someone writes the address.
  const destination = `https://<address of the attic server ${name}>/${cache}`;
  return {
    ...base,
    destination,
    notes: [`Write the address of the attic server ${name} into the destination`],
  };
}

type NixCopy = Extract<PushHook, { readonly tool: "nix-copy" }>;

function noteDropped({ dropped }: NixCopy): readonly string[] {
  return [...dropped].map(
    (option) => `A push does not support ${option}: it copies the closures of the outputs`,
  );
}

function toS3Cache(push: NixCopy): HookCache | string {
  const { destination: url, environment } = push;
  const [address = "", query = "", ...more] = url.split("?");
  if (more.length > 0) return NO_DESTINATION;
  const parameters = new Map(
    query.split("&").flatMap((part) => (part === "" ? [] : [splitAssignment(part)])),
  );
  const profile = decodeProfile(parameters.get("profile")) ?? environment.get("AWS_PROFILE");
  if (profile?.includes("$") === true) return "a variable names its profile";
  addFromEnvironment(parameters, environment);
  const signing = parameters.delete("secret-key") || parameters.delete("secret-keys");
  const destination = `${address}?${[...parameters].map((part) => part.join("=")).join("&")}`;
  const notes = [...noteDropped(push)];
  if (signing) notes.push("Sign when building instead of pushing (secret-key-files in nix.conf)");
  if (profile === undefined && !hasKeys(environment))
    notes.push("The hook named no credentials; give the server those that it used");
  const credentials =
    profile === undefined ? { env: { vars: findKeys(environment) } } : { "aws-profile": { profile } };
  return checked({ kind: "s3", cacheType: "nix-copy", destination, credentials, notes });
}

/** What Nix reads from variables if the URL does not have it. */
function addFromEnvironment(parameters: Map<string, string>, environment: ReadonlyMap<string, string>): void {
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && !parameters.has(name)) parameters.set(name, encodeURIComponent(value));
  };
  if (!parameters.has("profile"))
    add("region", environment.get("AWS_REGION") ?? environment.get("AWS_DEFAULT_REGION") ?? "us-east-1");
  add("endpoint", environment.get("AWS_ENDPOINT_URL_S3") ?? environment.get("AWS_ENDPOINT_URL"));
}

function decodeProfile(value: string | undefined): string | undefined {
  // A value that cannot be decoded is refused as a destination, too.
  return value !== undefined && /^(?:[^%]|%[0-7][0-9A-Fa-f])*$/u.test(value)
    ? decodeURIComponent(value)
    : value;
}

function hasKeys(environment: ReadonlyMap<string, string>): boolean {
  return ["AWS_ACCESS_KEY_ID", "MINIO_ACCESS_KEY"].some((name) => environment.has(name));
}

function findKeys(environment: ReadonlyMap<string, string>): readonly string[] {
  if (environment.has("MINIO_ACCESS_KEY")) return ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"];
  const session = environment.has("AWS_SESSION_TOKEN") ? ["AWS_SESSION_TOKEN"] : [];
  return ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", ...session];
}

function toHttpCache(push: NixCopy): HookCache | string {
  const destination = push.destination.replace(/^(https?:\/\/)[^/?#]*@/u, "$1");
  const needsPassword = destination !== push.destination || push.dropped.has("--netrc-file");
  const credentials = needsPassword ? { env: { vars: ["HTTP_USERNAME", "HTTP_PASSWORD"] } } : { none: {} };
  return checked({ kind: "http", cacheType: "nix-copy", destination, credentials, notes: noteDropped(push) });
}

const NO_DESTINATION = "its destination is not valid for a cache";

function checked(cache: HookCache): HookCache | string {
  const parsed = parseDestination(cache.cacheType, cache.destination, { allowPrivateHosts: false });
  if (parsed.success) return cache;
  if (parsed.code !== "private-host") return NO_DESTINATION;
  return { ...cache, notes: [...cache.notes, "Set allow_private_cache_hosts = true under [security]"] };
}
