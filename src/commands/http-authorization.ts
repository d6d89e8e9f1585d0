import { type AtticDestination, type CacheDestination, toCachixAddress } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";

/**
 * How a cache is asked over HTTP, as Nix does: its address, and headers with the credentials of the push.
 */
export interface HttpAccess {
  /** Absolute URL that ends in a slash. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns how a cache is asked over HTTP; nothing for other caches. */
export function toHttpAccess(
  destination: CacheDestination,
  env: ReadonlyMap<string, Secret>,
): HttpAccess | undefined {
  switch (destination.type) {
    case "s3":
    case "custom":
      return undefined;
    case "http": {
      const headers = toBasic(env.get("HTTP_USERNAME"), env.get("HTTP_PASSWORD"));
      return { baseUrl: toBase(destination.url), headers };
    }
    case "cachix":
      return {
        baseUrl: toBase(toCachixAddress(destination)),
        headers: toBasic(undefined, env.get("CACHIX_AUTH_TOKEN")),
      };
    case "attic":
      return { baseUrl: toBase(destination.url), headers: toBasic(undefined, env.get("ATTIC_TOKEN")) };
  }
}

/** Returns how the API of an Attic server is asked, with the token as its client sends it. */
export function toAtticApi({ endpoint }: AtticDestination, env: ReadonlyMap<string, Secret>): HttpAccess {
  const token = env.get("ATTIC_TOKEN");
  return {
    baseUrl: `${endpoint}_api/v1/`,
    headers: token === undefined ? {} : { authorization: `Bearer ${token.expose()}` },
  };
}

/** Parameters of a store are for Nix, and not part of the address. */
function toBase(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/*$/u, "/")}`;
}

// https://www.rfc-editor.org/rfc/rfc7617
function toBasic(
  username: Secret | undefined,
  password: Secret | undefined,
): Readonly<Record<string, string>> {
  if (password === undefined) return {};
  const pair = `${username?.expose() ?? ""}:${password.expose()}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
