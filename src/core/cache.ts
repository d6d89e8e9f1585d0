import type { CredentialSource } from "./credential-source.ts";

/**
 * How paths get to a cache: `nix-copy` for S3 and HTTP binary caches, the client of Cachix or Attic, or a
 * type that the host defines.
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
 * Where a cache lives, taken apart and checked. `url` and `name` are as the configuration wrote them.
 *
 * @public
 */
export type CacheDestination =
  | S3Destination
  | HttpDestination
  | CachixDestination
  | AtticDestination
  | CustomDestination;

/** What a destination is called: the name of a cache at Cachix, else the URL. */
export function describeDestination(destination: CacheDestination): string {
  if (destination.type === "custom") return destination.text;
  if (destination.type !== "cachix") return destination.url;
  return destination.host === undefined ? destination.name : toCachixAddress(destination);
}

/** Where a cache of Cachix is read: each has a host name of its own below that of the server. */
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
 * A cache at Cachix, or on a Cachix server of one's own.
 *
 * @public
 */
export interface CachixDestination {
  readonly type: "cachix";
  /** Name of the cache: `[a-z0-9][a-z0-9-]*`. */
  readonly name: string;
  /**
   * Origin of a self-hosted server by name, `https://host[:port]`, on a private host also by `http`; default
   * `https://cachix.org`.
   */
  readonly host?: string | undefined;
}

/**
 * A cache on an Attic server: `https://host[/prefix]/cache`, on a private host also by `http`.
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
  /** How many paths are uploaded at once, 1 to 64; default by Attic's client, which is 5. */
  readonly jobs?: number | undefined;
  /**
   * Whether paths are uploaded that an upstream cache of this cache has signed; default `false`, so that they
   * are left out.
   */
  readonly ignoreUpstream?: boolean | undefined;
}

/**
 * A cache of a type that the host defines. What its text and options mean, that type says.
 *
 * @public
 */
export interface CustomDestination {
  readonly type: "custom";
  /** The type, as the configuration names it. */
  readonly cacheType: CustomCacheType;
  /** The destination as it was written: one word of printable ASCII, without a password. */
  readonly text: string;
  /** The table `options` of the cache, as it was written; the type's schema checks it. */
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
 * Who may push to a cache, as the configuration says it.
 *
 * @public
 */
export interface CachePermissions {
  /** `true`: any repository and any ref. `false`: the lists decide. */
  readonly allowAll: boolean;
  /** Patterns of repositories; with `allowAll: false` and no list, nobody may push. */
  readonly allowedRepos?: readonly string[] | undefined;
  /** Patterns of branches; absent: any ref of an allowed repository. */
  readonly allowedBranches?: readonly string[] | undefined;
  /**
   * Whether pull requests from forks may push. Absent: only with `allowAll: true`. `false` refuses them even
   * there.
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
  /** Public key, as `name:` and 32 bytes in base 64, under which each promoted path must be signed there. */
  readonly requireSignature: string;
}

/**
 * What is done with a path that was pushed.
 *
 * @public
 */
export interface AfterPush {
  /**
   * Name of the pin that keeps the path from the cache's garbage collector, with the placeholders
   * `{repository}`, `{ref}`, `{job}` and `{name}` (of the store path); a pin of the same name is replaced,
   * and its path becomes an older revision.
   */
  readonly pin: string;
  /** How many revisions of a pin are kept, at least 1; default all. */
  readonly keepRevisions?: number | undefined;
  /** For how many days revisions are kept, at least 1; default for good. */
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
  /** How paths get there. */
  readonly cacheType: CacheType;
  /** Where it lives. */
  readonly destination: CacheDestination;
  /** Where its credentials come from. */
  readonly credentials: CredentialSource;
  /** Who may push. */
  readonly permissions: CachePermissions;
  /**
   * How paths get to an S3 or HTTP cache: with `direct`, the default, nix writes them into files, which this
   * process sends over many connections; with `nix`, nix sends them itself.
   */
  readonly upload?: "direct" | "nix" | undefined;
  /**
   * Most bytes of NARs, uncompressed, that a direct upload stages together, 1 MiB at least; default by the
   * registry. Two such shares lie on the disk at a time, and a larger path is staged alone.
   */
  readonly stagingBytes?: number | undefined;
  /**
   * Absolute `http(s)` URL without parameters at which the cache is read, where that is not its destination:
   * it is asked after a push. Another server than the destination's gets no credentials.
   */
  readonly substituter?: string | undefined;
  /**
   * Names of the keys whose paths the destination leaves to an upstream, as in `cache.nixos.org-1`; of Attic
   * and Cachix. An Attic server names its own for each cache: these stand in where it does not answer.
   */
  readonly upstreamKeys?: readonly string[] | undefined;
  /**
   * Patterns of names of store paths, as `*-source`, that are not pushed on their own: `*` stands for any
   * text. They still go along where a pushed path refers to them.
   */
  readonly exclude?: readonly string[] | undefined;
  /** Larger store paths are not pushed on their own: most bytes of a NAR, uncompressed. */
  readonly maxNarBytes?: number | undefined;
  /**
   * Binary caches, as absolute `http(s)` URLs, whose paths are not pushed; a direct upload leaves out what
   * pushed paths refer to as well. They are asked without credentials. Readers need them as substituters
   * besides this cache.
   */
  readonly upstreamCaches?: readonly string[] | undefined;
  /**
   * Patterns of names of store paths: a push whose closure has one of them is stopped before anything is
   * sent.
   */
  readonly denyPaths?: readonly string[] | undefined;
  /** A push whose closure is larger is stopped: most bytes of its NARs, uncompressed. */
  readonly maxClosureBytes?: number | undefined;
  /** A push whose closure has more store paths is stopped. */
  readonly maxPaths?: number | undefined;
  /** With `warn`, a failure at this cache is told, and the report counts it as none; default `fail`. */
  readonly onFailure?: "fail" | "warn" | undefined;
  /**
   * What is done with paths of branches and tags once they are confirmed; of Cachix and of custom types with
   * pins.
   */
  readonly afterPush?: AfterPush | undefined;
  /**
   * Where a key comes from that signs what is pushed, as `nix-store --generate-binary-cache-key` makes one;
   * of S3 and HTTP caches with a direct upload, and of Cachix. The source yields nothing else.
   */
  readonly signingKey?: CredentialSource | undefined;
  /**
   * Public keys, as `name:` and 32 bytes in base 64: every path of a request must carry a valid signature by
   * one of them; with `requireSignature`, by the one of that name, which must be among them.
   */
  readonly trustedPublicKeys?: readonly string[] | undefined;
  /**
   * Caches whose paths may be promoted to this one; of S3 and HTTP caches with a direct upload. Absent: none.
   */
  readonly promoteFrom?: readonly PromotionRule[] | undefined;
  /**
   * Name under which every path there must carry a signature, as in `cache.example.org-1`; absent: any or
   * none.
   */
  readonly requireSignature?: string | undefined;
}
