import type { CacheDestination } from "../core/cache.ts";
import { hasNixSince, type NixVersion } from "./nix-version.ts";

type Since = readonly [major: number, minor: number];

/**
 * The first version of Nix that knows a parameter. Older ones ignore it with a warning (measured with 2.8,
 * 2.26 and 2.34).
 */
const SINCE: Readonly<Record<"s3" | "http", Readonly<Record<string, Since>>>> = {
  s3: {
    "addressing-style": [2, 33],
    "multipart-chunk-size": [2, 33],
    "multipart-threshold": [2, 33],
    "storage-class": [2, 33],
  },
  http: {
    "log-compression": [2, 32],
    "ls-compression": [2, 32],
    "narinfo-compression": [2, 32],
  },
};

/** Lists the parameters of a destination that a version of Nix ignores. */
export function findIgnoredParameters(
  destination: CacheDestination,
  version: NixVersion | undefined,
): readonly string[] {
  if (version === undefined || (destination.type !== "s3" && destination.type !== "http")) return [];
  const known = SINCE[destination.type];
  return listNames(destination.url).flatMap((name) => {
    const since = Object.hasOwn(known, name) ? known[name] : undefined;
    if (since === undefined || hasNixSince(version, ...since)) return [];
    return `${version.name} ${version.major}.${version.minor} ignores ${name}; Nix knows it since ${since.join(".")}`;
  });
}

function listNames(url: string): readonly string[] {
  return [...new URLSearchParams(url.split("?")[1] ?? "").keys()];
}
