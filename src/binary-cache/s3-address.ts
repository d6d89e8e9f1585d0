import type { S3Destination } from "../core/cache.ts";

/**
 * The address of a bucket, as Nix reads its parameters
 * (https://nix.dev/manual/nix/latest/store/types/s3-binary-cache-store).
 */
export interface S3Address {
  /** URL of the bucket with the prefix, ending in a slash. */
  readonly baseUrl: string;
  readonly region: string;
  /** Storage class of new objects, if configured. */
  readonly storageClass?: string | undefined;
}

const DEFAULT_REGION = "us-east-1";

/**
 * Finds the address of a bucket. For AWS, its name is in the host if a certificate can cover it; otherwise it
 * is in the path. `addressing-style` overrides this.
 *
 * @param knownRegion - the region of the credentials, used if the destination has none
 */
export function toS3Address(destination: S3Destination, knownRegion: string | undefined): S3Address {
  const find = (name: string): string | undefined => {
    const value = destination.parameters.find((parameter) => parameter.name === name)?.value;
    return value === undefined ? undefined : decodeURIComponent(value);
  };
  const region = find("region") ?? knownRegion ?? DEFAULT_REGION;
  const endpoint = find("endpoint");
  const scheme = find("scheme") ?? "https";
  const server = new URL(
    endpoint === undefined
      ? `${scheme}://s3.${region}.${toDomain(region)}`
      : endpoint.includes("://")
        ? endpoint
        : `${scheme}://${endpoint}`,
  );
  const style = find("addressing-style") ?? "auto";
  const isInHost =
    style === "virtual" || (style === "auto" && endpoint === undefined && !/\./u.test(destination.bucket));
  const origin = isInHost ? `${server.protocol}//${destination.bucket}.${server.host}` : server.origin;
  const parts = [
    ...server.pathname.split("/"),
    ...(isInHost ? [] : [destination.bucket]),
    ...decodeURIComponent(destination.prefix).split("/").map(encodeKey),
  ].filter((part) => part !== "");
  return { baseUrl: `${[origin, ...parts].join("/")}/`, region, storageClass: find("storage-class") };
}

function toDomain(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/** Encodes a segment of a key as S3 signs it: all but letters, digits and `-._~`. */
export function encodeKey(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
