import type { CredentialSource } from "./credential-source.ts";

/**
 * How paths are pushed to a cache: `nix-copy` for S3 and HTTP binary caches, the client of Cachix or Attic,
 * or a type that the host defines.
 *
 * @public
 */
export type CacheType = BuiltInCacheType | CustomCacheType;

/**
 * The cache types of this package.
 *
 * @public
 */
export type BuiltInCacheType = "nix-copy" | "cachix" | "attic";

/**
 * A cache type that the host defines, by `defineCacheType`: `custom:` and a name of 1 to 64 lower-case
 * letters, digits and hyphens.
 *
 * @public
 */
export type CustomCacheType = `custom:${string}`;

/** Grammar of the name of anything that the host defines. */
export const CUSTOM_NAME = /^custom:[a-z0-9][a-z0-9-]{0,63}$/u;

/** Whether a cache type is one that the host defines. */
export function isCustomCacheType(type: unknown): type is CustomCacheType {
  return typeof type === "string" && CUSTOM_NAME.test(type);
}

/**
 * Where a cache is, parsed and checked. `url` and `name` are as in the configuration.
 *
 * @public
 */
export type CacheDestination =
  | S3Destination
  | HttpDestination
  | CachixDestination
  | AtticDestination
  | CustomDestination;

/** The text of a destination: the name of a cache at Cachix, else the URL. */
export function describeDestination(destination: CacheDestination): string {
  if (destination.type === "custom") return destination.text;
  if (destination.type !== "cachix") return destination.url;
  return destination.host === undefined ? destination.name : toCachixAddress(destination);
}

/** The URL at which a Cachix cache is read. Each cache has its own host name below that of the server. */
export function toCachixAddress({ name, host = "https://cachix.org" }: CachixDestination): string {
  return host.replace("://", `://${name}.`);
}

/**
 * An S3 or S3-compatible bucket: `s3://bucket[/prefix][?parameters]`.
 *
 * @public
 */
export interface S3Destination {
  readonly type: "s3";
  /** The whole URL. */
  readonly url: string;
  /** Bucket name, 3 to 63 characters. */
  readonly bucket: string;
  /** Path below the bucket without a leading slash; empty for the bucket itself. */
  readonly prefix: string;
  /** Store parameters in the order they were written, values still percent-encoded. */
  readonly parameters: readonly StoreParameter[];
}

/**
 * An HTTP binary cache that accepts uploads: `http(s)://host[/path][?parameters]`.
 *
 * @public
 */
export interface HttpDestination {
  readonly type: "http";
  /** The whole URL. */
  readonly url: string;
  /** Host name or address without port; an IPv6 address is without brackets. */
  readonly host: string;
}

/**
 * A cache at Cachix, or on a self-hosted Cachix server.
 *
 * @public
 */
export interface CachixDestination {
  readonly type: "cachix";
  /** Name of the cache: `[a-z0-9][a-z0-9-]*`. */
  readonly name: string;
  /**
   * Origin of a self-hosted server, `https://host[:port]` (`http` is allowed on private hosts); default
   * `https://cachix.org`.
   */
  readonly host?: string | undefined;
}

/**
 * A cache on an Attic server: `https://host[/prefix]/cache` (`http` is allowed on private hosts).
 *
 * @public
 */
export interface AtticDestination {
  readonly type: "attic";
  /** The whole URL. */
  readonly url: string;
  /** The server's address, ending in `/` (Attic's client drops the last path segment otherwise). */
  readonly endpoint: string;
  /** Name of the cache: `[A-Za-z0-9][A-Za-z0-9-_+]{0,49}`. */
  readonly cache: string;
  /** How many paths are uploaded at once, 1 to 64; default that of Attic's client, which is 5. */
  readonly jobs?: number | undefined;
  /**
   * Whether to upload paths that an upstream of this cache has signed; default `false`.
   */
  readonly ignoreUpstream?: boolean | undefined;
}

/**
 * A cache of a type that the host defines. The type defines what its destination and options mean.
 *
 * @public
 */
export interface CustomDestination {
  readonly type: "custom";
  /** The type, as the configuration names it. */
  readonly cacheType: CustomCacheType;
  /** The destination as written: one word of printable ASCII, without a password. */
  readonly text: string;
  /** The table `options` of the cache, as written. The type's schema checks it. */
  readonly options?: unknown;
}

/**
 * One `name=value` of a store URL.
 *
 * @public
 */
export interface StoreParameter {
  /** Name of the parameter, one of the known store settings. */
  readonly name: string;
  /** Value as written, percent-encoding kept. */
  readonly value: string;
}

/**
 * Who may push to a cache, as in the configuration.
 *
 * @public
 */
export interface CachePermissions {
  /** `true`: any repository and any ref. `false`: the lists decide. */
  readonly allowAll: boolean;
  /** Patterns of repositories. With `allowAll: false` and no list, nobody may push. */
  readonly allowedRepos?: readonly string[] | undefined;
  /** Patterns of branches. If absent, any ref of an allowed repository may push. */
  readonly allowedBranches?: readonly string[] | undefined;
  /**
   * Whether pull requests from forks may push. If absent, only with `allowAll: true`. `false` denies them
   * even then.
   */
  readonly allowForks?: boolean | undefined;
}

/**
 * A cache whose paths may be promoted to another.
 *
 * @example
 * ```ts
 * const rule: PromotionRule = { cache: "staging", requireSignature: "ci-1:8w2cJ8bFSTX8Ku4K7lmRHoPcOBNmhAWtbmPAjzJkzEA=" };
 * ```
 *
 * @public
 */
export interface PromotionRule {
  /** Id of the cache that has the paths. */
  readonly cache: string;
  /**
   * Public key, as `name:` and 32 bytes in base 64. Each promoted path must carry a valid signature by it.
   */
  readonly requireSignature: string;
}

/**
 * What happens after a path was pushed.
 *
 * @public
 */
export interface AfterPush {
  /**
   * Name of the pin that keeps the path from the cache's garbage collector, with the placeholders
   * `{repository}`, `{ref}`, `{job}` and `{name}` (of the store path). A pin of the same name is replaced,
   * and its path becomes an older revision.
   */
  readonly pin: string;
  /** How many revisions of a pin are kept, at least 1; default all. */
  readonly keepRevisions?: number | undefined;
  /** For how many days revisions are kept, at least 1; default forever. */
  readonly keepDays?: number | undefined;
}

/**
 * One cache of the server's configuration.
 *
 * @public
 */
export interface CacheDefinition {
  /** Unique id: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`. */
  readonly id: string;
  /** How paths are pushed to it. */
  readonly cacheType: CacheType;
  /** Where it is. */
  readonly destination: CacheDestination;
  /** Where its credentials come from. */
  readonly credentials: CredentialSource;
  /** Who may push. */
  readonly permissions: CachePermissions;
  /**
   * How paths are uploaded to an S3 or HTTP cache. With `direct`, the default, Nix writes them into files,
   * which this process sends over many connections. With `nix`, Nix sends them.
   */
  readonly upload?: "direct" | "nix" | undefined;
  /**
   * How many bytes of uncompressed NARs a direct upload stages together, at least 1 MiB; the default is set
   * by the registry. Two such shares are on the disk at a time. A larger path is staged alone.
   */
  readonly stagingBytes?: number | undefined;
  /**
   * Absolute `http(s)` URL without parameters at which the cache is read, if that is not its destination. It
   * is asked after a push. It gets no credentials unless it is on the destination's server.
   */
  readonly substituter?: string | undefined;
  /**
   * Names of the keys whose paths the cache leaves to an upstream, such as `cache.nixos.org-1`. For Attic and
   * Cachix. An Attic server names its own keys; these are used if it does not answer.
   */
  readonly upstreamKeys?: readonly string[] | undefined;
  /**
   * Patterns of names of store paths that are not pushed, such as `*-source`; `*` stands for any text. They
   * are still pushed if a pushed path refers to them.
   */
  readonly exclude?: readonly string[] | undefined;
  /**
   * Store paths with a larger NAR are not pushed, unless a pushed path refers to them. In bytes,
   * uncompressed.
   */
  readonly maxNarBytes?: number | undefined;
  /**
   * Binary caches, as absolute `http(s)` URLs, whose paths are not pushed. A direct upload also leaves out
   * references that they have. They are asked without credentials. Readers need them as substituters beside
   * this cache.
   */
  readonly upstreamCaches?: readonly string[] | undefined;
  /**
   * Patterns of names of store paths. A push whose closure has one of them is refused before anything is
   * sent.
   */
  readonly denyPaths?: readonly string[] | undefined;
  /** A push with a larger closure is refused. In bytes of uncompressed NARs. */
  readonly maxClosureBytes?: number | undefined;
  /** A push whose closure has more store paths is refused. */
  readonly maxPaths?: number | undefined;
  /** With `warn`, a failure at this cache is reported and tolerated; default `fail`. */
  readonly onFailure?: "fail" | "warn" | undefined;
  /**
   * What happens with confirmed paths of branches and tags. For Cachix, and for custom types that support
   * pins.
   */
  readonly afterPush?: AfterPush | undefined;
  /**
   * Source of the key that signs what is pushed, in the form of `nix-store --generate-binary-cache-key`. For
   * S3 and HTTP caches with a direct upload, and for Cachix. The source yields nothing else.
   */
  readonly signingKey?: CredentialSource | undefined;
  /**
   * Public keys, as `name:` and 32 bytes in base 64. Every path of a request must carry a valid signature by
   * one of them; with `requireSignature`, by the key of that name, which must be in the list.
   */
  readonly trustedPublicKeys?: readonly string[] | undefined;
  /**
   * Caches whose paths may be promoted to this one. For S3 and HTTP caches with a direct upload. If absent,
   * none.
   */
  readonly promoteFrom?: readonly PromotionRule[] | undefined;
  /**
   * Name of a key. Every path must carry a signature of that name, such as `cache.example.org-1`. If absent,
   * no signature is required.
   */
  readonly requireSignature?: string | undefined;
}
