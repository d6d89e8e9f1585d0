import {
  type AtticDestination,
  type BuiltInCacheType,
  type CacheDestination,
  type CacheType,
  type CustomCacheType,
  type HttpDestination,
  isCustomCacheType,
  type S3Destination,
  type StoreParameter,
} from "../../core/cache.ts";
import type { DiagnosticCode } from "../text/diagnostic.ts";
import { findCustomHost } from "./custom-host.ts";
import { isPrivateHost } from "./private-host.ts";
import { findParameterProblem, type ParameterKind } from "./store-parameters.ts";

/** A destination, or why there is none. */
export type ParsedDestination =
  | { readonly success: true; readonly destination: CacheDestination; readonly plaintext: boolean }
  | {
      readonly success: false;
      readonly code: DiagnosticCode;
      readonly message: string;
      readonly hint?: string;
    };

/** What is accepted beyond the grammar of the type. */
export interface DestinationOptions {
  /** Whether private, loopback and link-local hosts are accepted. */
  readonly allowPrivateHosts: boolean;
}

/** Grammar of a cache's name at an Attic server, by its own source. */
export const ATTIC_NAME = "[A-Za-z0-9][A-Za-z0-9_+-]{0,49}";

/** The rough form of destinations; {@link parseDestination} checks more. */
export const DESTINATION_FORMS: Readonly<Record<BuiltInCacheType, RegExp>> = {
  "nix-copy": /^(?:s3|https?):\/\/[^/?#@\s\\]+(?:[/?][^#\s\\]*)?$/u,
  cachix: /^[a-z0-9][a-z0-9-]{0,63}$/u,
  attic: new RegExp(`^https?:\\/\\/[^/?#@\\s\\\\]+\\/(?:[A-Za-z0-9._~-]+\\/)*${ATTIC_NAME}$`, "u"),
};

/** Whether a value is one of the cache types. */
export function isCacheType(value: unknown): value is CacheType {
  return isBuiltInCacheType(value) || isCustomCacheType(value);
}

/** Whether a value is one of the cache types of this package. */
export function isBuiltInCacheType(value: unknown): value is BuiltInCacheType {
  return typeof value === "string" && Object.hasOwn(DESTINATION_FORMS, value);
}

/**
 * Reads a destination. The grammar is an allow-list. With anything else, a push tool could write to the local
 * file system, run a program or talk to another host.
 */
export function parseDestination(
  cacheType: CacheType,
  text: string,
  options: DestinationOptions,
): ParsedDestination {
  if (!/^[\x21-\x7e]+$/u.test(text) || text.includes("\\")) {
    return invalid("A destination is one word of printable ASCII without spaces");
  }
  switch (cacheType) {
    case "cachix":
      return parseCachix(text);
    case "attic":
      return parseAttic(text, options);
    case "nix-copy":
      if (text.startsWith("s3://")) return parseS3(text, options);
      if (/^https?:\/\//u.test(text)) return parseHttp(text, options);
      return invalid("The destination begins with s3://, http:// or https://");
    default:
      return parseCustom(cacheType, text, options);
  }
}

/** The type's own schema defines its meaning. Here only private hosts are refused. */
function parseCustom(
  cacheType: CustomCacheType,
  text: string,
  options: DestinationOptions,
): ParsedDestination {
  const found = findCustomHost(text);
  if (found === undefined) return invalid("The destination has no valid host");
  const { host, scheme } = found;
  if (host !== "" && !options.allowPrivateHosts && isPrivateHost(host)) return PRIVATE_HOST;
  const plaintext = scheme === "http" && !isPrivateHost(host);
  return { success: true, destination: { type: "custom", cacheType, text }, plaintext };
}

function parseCachix(text: string): ParsedDestination {
  if (DESTINATION_FORMS.cachix.test(text)) {
    return { success: true, destination: { type: "cachix", name: text }, plaintext: false };
  }
  return invalid(
    "The destination of a Cachix cache is its name: lower-case letters, digits and hyphens",
    'Write the name alone, as in destination = "my-cache-name"',
  );
}

const ATTIC_PATH = new RegExp(`^(\\/(?:[A-Za-z0-9._~-]+\\/)*)(${ATTIC_NAME})$`, "u");

function parseAttic(text: string, options: DestinationOptions): ParsedDestination {
  const url = parseWebUrl(text, ["http", "https"], options);
  if (!url.success) return url;
  // The token would be sent unencrypted; on a private host that is the operator's decision.
  if (url.scheme === "http" && !isPrivateHost(url.host))
    return invalid("The destination of an Attic cache on a public host begins with https://");
  if (url.query !== "") return invalid("The destination of an Attic cache takes no parameters");
  const path = ATTIC_PATH.exec(url.path);
  if (path?.[1] === undefined || path[2] === undefined) {
    return invalid(
      "The destination of an Attic cache ends in the cache's name",
      "As in https://attic.example.com/my-cache",
    );
  }
  const endpoint = `${url.origin}${path[1]}`;
  const destination: AtticDestination = { type: "attic", url: text, endpoint, cache: path[2] };
  return { success: true, destination, plaintext: false };
}

function parseHttp(text: string, options: DestinationOptions): ParsedDestination {
  const url = parseWebUrl(text, ["http", "https"], options);
  if (!url.success) return url;
  const parameters = parseParameters(url.query, "http");
  if (typeof parameters === "string") return invalid(parameters);
  const destination: HttpDestination = { type: "http", url: text, host: url.host };
  return { success: true, destination, plaintext: url.scheme === "http" && !isPrivateHost(url.host) };
}

const S3_URL = /^s3:\/\/([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(?:\/([^?]*))?(?:\?(.*))?$/u;

function parseS3(text: string, options: DestinationOptions): ParsedDestination {
  const [, bucket, path = "", query = ""] = S3_URL.exec(text) ?? [];
  if (bucket === undefined) {
    return invalid("An S3 destination is s3://bucket, with an optional path and parameters");
  }
  if (!isPlainPath(path))
    return invalid("The path of the destination has a segment that could lead elsewhere");
  const parameters = parseParameters(query, "s3");
  if (typeof parameters === "string") return invalid(parameters);
  const endpoint = findEndpoint(parameters, options);
  if (!endpoint.success) return endpoint;
  const prefix = path.replace(/\/$/u, "");
  const destination: S3Destination = { type: "s3", url: text, bucket, prefix, parameters };
  return { success: true, destination, plaintext: endpoint.plaintext };
}

type Endpoint =
  | { readonly success: true; readonly plaintext: boolean }
  | (ParsedDestination & { success: false });

function findEndpoint(parameters: readonly StoreParameter[], options: DestinationOptions): Endpoint {
  const value = parameters.find(({ name }) => name === "endpoint")?.value;
  const scheme = parameters.find(({ name }) => name === "scheme")?.value ?? "https";
  if (value === undefined) return { success: true, plaintext: scheme === "http" };
  const decoded = decodeURIComponent(value);
  const url = parseWebUrl(
    decoded.includes("://") ? decoded : `${scheme}://${decoded}`,
    ["http", "https"],
    options,
  );
  if (!url.success) return { ...url, message: `${url.message} (endpoint)` };
  if (url.query !== "") return invalid("The endpoint takes no parameters");
  return { success: true, plaintext: url.scheme === "http" && !isPrivateHost(url.host) };
}

type WebUrl =
  | {
      readonly success: true;
      readonly scheme: string;
      readonly origin: string;
      readonly host: string;
      readonly path: string;
      readonly query: string;
    }
  | (ParsedDestination & { success: false });

const PRIVATE_HOST = {
  success: false,
  code: "private-host",
  message: "The host is private, loopback or link-local",
  hint: "Set allow_private_cache_hosts = true under [security] if that is intended",
} as const;

const WEB_URL = /^([a-z]+):\/\/([^/?#]+)([^?#]*)(?:\?([^#]*))?$/u;

function parseWebUrl(text: string, schemes: readonly string[], options: DestinationOptions): WebUrl {
  const [, scheme = "", authority = "", path = "", query = ""] = WEB_URL.exec(text) ?? [];
  if (!schemes.includes(scheme))
    return invalid(`The destination begins with ${schemes.join(":// or ")}://host`);
  if (authority.includes("@")) {
    return invalid("Credentials do not belong in a URL", "Name a source under credentials instead");
  }
  if (!isPlainPath(path.slice(1))) {
    return invalid("The path of the destination has a segment that could lead elsewhere");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const host = url?.hostname.replace(/^\[|\]$|\.$/gu, "");
  if (url === undefined || host === undefined || !isPlainAuthority(authority)) {
    return invalid("The destination has no valid host");
  }
  if (!options.allowPrivateHosts && isPrivateHost(host)) return PRIVATE_HOST;
  return {
    success: true,
    scheme,
    origin: `${scheme}://${authority}`,
    host,
    path: path === "" ? "/" : path,
    query,
  };
}

function isPlainAuthority(authority: string): boolean {
  return /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9]\d{0,4})?$/u.test(authority);
}

/** Segments of letters, digits, `_` and `-`, which need no further check. */
const PLAIN_SEGMENTS = /^[A-Za-z0-9_-]*(?:\/[A-Za-z0-9_-]*)*$/u;

function isPlainPath(path: string): boolean {
  if (PLAIN_SEGMENTS.test(path)) return true;
  return path
    .split("/")
    .every(
      (segment) =>
        /^(?:[A-Za-z0-9._~!$'()*+,;=:@-]|%[0-9A-Fa-f]{2})*$/u.test(segment) &&
        !/%(?:2[ef]|5c|[01][0-9a-f]|7f)/iu.test(segment) &&
        !/^\.{1,2}$/u.test(segment),
    );
}

function parseParameters(query: string, kind: ParameterKind): readonly StoreParameter[] | string {
  if (query === "") return [];
  // Nix ignores empty text between two separators.
  const parts = query.split("&").filter((part) => part !== "");
  const parameters = parts.map((part): StoreParameter => {
    const equals = part.indexOf("=");
    return equals === -1
      ? { name: part, value: "" }
      : { name: part.slice(0, equals), value: part.slice(equals + 1) };
  });
  return findParameterProblem(parameters, kind) ?? parameters;
}

function invalid(message: string, hint?: string): ParsedDestination & { success: false } {
  return { success: false, code: "invalid-destination", message, ...(hint === undefined ? {} : { hint }) };
}
