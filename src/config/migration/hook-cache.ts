import type { CacheType } from "../../cache.ts";
import { parseDestination } from "../destination.ts";
import { holdsSecret } from "../literal-secret.ts";
import { writeToml } from "../literal-value.ts";
import type { PushHook } from "./hook-command.ts";

/** A cache as a hook used it, in the words of `ekaci.toml`. */
export interface HookCache {
  /** What its id begins with. */
  readonly kind: "s3" | "http" | "cachix" | "attic";
  readonly cacheType: CacheType;
  readonly destination: string;
  readonly credentials: Readonly<Record<string, unknown>>;
  /** What the operator has to look at. */
  readonly notes: readonly string[];
}

/** What is known besides the command. */
export interface HookContext {
  readonly environment: ReadonlyMap<string, string>;
  /** Addresses of attic servers by the name that clients gave them. */
  readonly atticServers: Readonly<Record<string, string>>;
}

/** Turns a push into a cache, or says why there is none. */
export function toHookCache(push: PushHook, context: HookContext): HookCache | string {
  switch (push.tool) {
    case "cachix":
      return toCachixCache(push.name, context);
    case "attic":
      return toAtticCache(push.server, push.cache, context);
    case "nix-copy": {
      const notes = push.dropped.map(
        (option) => `A push takes no ${option}: it copies the closures of the outputs`,
      );
      return push.destination.startsWith("s3://")
        ? toS3Cache(push.destination, context, notes)
        : toHttpCache(push.destination, notes);
    }
  }
}

function toCachixCache(name: string, { environment }: HookContext): HookCache | string {
  const vars = ["CACHIX_AUTH_TOKEN", "CACHIX_SIGNING_KEY"].filter((key) => environment.has(key));
  const credentials = vars.includes("CACHIX_SIGNING_KEY")
    ? { env: { vars } }
    : { "cachix-token": { env_var: "CACHIX_AUTH_TOKEN" } };
  return checked({ kind: "cachix", cacheType: "cachix", destination: name, credentials, notes: [] });
}

function toAtticCache(
  server: string | undefined,
  cache: string,
  { atticServers }: HookContext,
): HookCache | string {
  const name = server ?? "default";
  const address = Object.hasOwn(atticServers, name) ? atticServers[name] : undefined;
  const cacheOf = {
    kind: "attic",
    cacheType: "attic",
    credentials: { env: { vars: ["ATTIC_TOKEN"] } },
  } as const;
  if (address !== undefined)
    return checked({ ...cacheOf, destination: `${address.replace(/\/$/u, "")}/${cache}`, notes: [] });
  // Not a destination, so that the file does not load before someone has written the address.
  const destination = `https://<address of the attic server ${name}>/${cache}`;
  return {
    ...cacheOf,
    destination,
    notes: [`Write the address of the attic server ${name} into the destination`],
  };
}

function toS3Cache(url: string, { environment }: HookContext, notes: readonly string[]): HookCache | string {
  const [address = "", query = ""] = url.split("?");
  const parameters = new Map(query.split("&").flatMap((part) => (part === "" ? [] : [splitOnce(part, "=")])));
  const profile = decodeProfile(parameters.get("profile")) ?? environment.get("AWS_PROFILE");
  if (!parameters.has("region") && !parameters.has("profile"))
    parameters.set(
      "region",
      environment.get("AWS_REGION") ?? environment.get("AWS_DEFAULT_REGION") ?? "us-east-1",
    );
  const endpoint = environment.get("AWS_ENDPOINT_URL_S3") ?? environment.get("AWS_ENDPOINT_URL");
  if (!parameters.has("endpoint") && endpoint !== undefined) parameters.set("endpoint", endpoint);
  const signing = parameters.delete("secret-key") || parameters.delete("secret-keys");
  const destination = `${address}?${[...parameters].map((part) => part.join("=")).join("&")}`;
  const credentials =
    profile === undefined ? { env: { vars: findKeys(environment) } } : { "aws-profile": { profile } };
  return checked({
    kind: "s3",
    cacheType: "nix-copy",
    destination,
    credentials,
    notes: [
      ...notes,
      ...(signing ? [SIGNING] : []),
      ...(profile === undefined && !hasKeys(environment) ? [NO_KEYS] : []),
    ],
  });
}

function decodeProfile(value: string | undefined): string | undefined {
  // One that is not decodable is no destination either, and is refused as such.
  return value !== undefined && /^(?:[^%]|%[0-7][0-9A-Fa-f])*$/u.test(value)
    ? decodeURIComponent(value)
    : value;
}

const SIGNING = "Sign when building instead of pushing (secret-key-files in nix.conf)";

const NO_KEYS = "The hook named no credentials; have the server hold those that it used";

function hasKeys(environment: ReadonlyMap<string, string>): boolean {
  return ["AWS_ACCESS_KEY_ID", "MINIO_ACCESS_KEY"].some((name) => environment.has(name));
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function findKeys(environment: ReadonlyMap<string, string>): readonly string[] {
  if (environment.has("MINIO_ACCESS_KEY")) return ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"];
  const session = environment.has("AWS_SESSION_TOKEN") ? ["AWS_SESSION_TOKEN"] : [];
  return ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", ...session];
}

function toHttpCache(url: string, notes: readonly string[]): HookCache | string {
  const destination = url.replace(/^(https?:\/\/)[^/?#]*@/u, "$1");
  const needsPassword = destination !== url || notes.some((note) => note.includes("--netrc-file"));
  const credentials = needsPassword ? { env: { vars: ["HTTP_USERNAME", "HTTP_PASSWORD"] } } : { none: {} };
  return checked({ kind: "http", cacheType: "nix-copy", destination, credentials, notes });
}

function checked(cache: HookCache): HookCache | string {
  if (holdsSecret(writeToml([cache.destination, cache.credentials])))
    return "its destination holds a credential";
  const parsed = parseDestination(cache.cacheType, cache.destination, { allowPrivateHosts: false });
  if (parsed.success) return cache;
  if (parsed.code !== "private-host") return "its destination is none that a cache can have";
  return { ...cache, notes: [...cache.notes, "Set allow_private_cache_hosts = true under [security]"] };
}
