import * as v from "valibot";
import { CUSTOM_NAME } from "../../core/cache.ts";
import { DESTINATION_FORMS } from "../destination/destination.ts";
import { credentialEntries } from "./credential-entries.ts";
import { pushRules } from "./push-rules-schema.ts";
import { coded } from "./schema-issues.ts";
import { flag, openTable, patterns, sourceTable, table } from "./schema-table.ts";
import { byteSize, cacheId, keyName, webAddress, webOrigin } from "./text-schemas.ts";
import { wholeNumber } from "./whole-number.ts";

const credentials = v.pipe(
  v.union([v.picklist(["none", "instance-metadata"]), sourceTable(credentialEntries)]),
  v.description("Exactly one source of credentials."),
  v.examples([{ env: { vars: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }]),
);

const permissions = v.pipe(
  table({
    allow_all: flag(
      "true: any repository and any ref. false: the lists decide. Required beside lists.",
      false,
    ),
    allowed_repos: patterns("Patterns of repositories, owner/name; * matches within one segment.", [
      "myorg/myrepo",
      "company/*",
    ]),
    allowed_branches: patterns(
      "Patterns of branches; * also matches /. If absent, any ref of an allowed repository.",
      ["main", "release/*"],
    ),
    allow_forks: flag(
      "Whether pull requests from forks may push; default: only with allow_all = true.",
      false,
    ),
  }),
  // A missing key is reported as ambiguous, with an explanation.
  v.metadata({ required: ["allow_all"] }),
  v.description("Who may push. If absent, any repository and any ref."),
  v.examples([{ allow_all: false, allowed_repos: ["myorg/myrepo"] }]),
);

/** The keys of `permissions`. */
export const PERMISSION_KEYS: readonly string[] = Object.keys(permissions.entries);

// The form of the destination depends on the type; JSON Schema expresses that beside the keys.
const destinationForms = Object.entries(DESTINATION_FORMS).map(([type, form]) => ({
  if: { properties: { cache_type: { const: type } }, required: ["cache_type"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { properties: { destination: { type: "string", pattern: form.source } } },
}));

const cache = v.pipe(
  table({
    id: cacheId,
    cache_type: v.pipe(
      v.union([
        v.picklist(["nix-copy", "cachix", "attic"]),
        v.pipe(
          v.string(),
          v.regex(
            CUSTOM_NAME,
            coded(
              "invalid-value",
              'Expected "nix-copy", "cachix" or "attic", or "custom:<name>" for a type of the host',
            ),
          ),
        ),
      ]),
      v.description(
        "How paths are pushed: nix-copy for S3 and HTTP, the client of Cachix or Attic, or custom:<name> for a type of the host.",
      ),
      v.examples(["nix-copy"]),
    ),
    destination: v.pipe(
      v.string(),
      v.description(
        "Where it is: s3://bucket[/prefix], http(s)://host, a Cachix name, or https://host/cache.",
      ),
      v.examples(["s3://my-bucket/nix-cache?region=us-east-1"]),
    ),
    credentials,
    permissions: v.optional(permissions),
    options: v.optional(
      v.pipe(openTable({}), v.description("Options of a custom cache type."), v.examples([{ port: 2222 }])),
    ),
    upload: v.optional(
      v.pipe(
        v.picklist(["direct", "nix"]),
        v.description(
          "How paths are uploaded to an S3 or HTTP cache: Nix writes files that the server sends (direct, the default), or Nix sends them (nix).",
        ),
        v.examples(["nix"]),
      ),
    ),
    staging_size: v.optional(
      v.pipe(
        byteSize,
        v.description(
          "How many bytes of uncompressed NARs a direct upload stages together; default 256 MiB.",
        ),
        v.examples(["1 GiB"]),
      ),
    ),
    jobs: v.optional(
      v.pipe(
        wholeNumber(1, 64),
        v.description("How many paths Attic uploads at once; default 5."),
        v.examples([10]),
      ),
    ),
    ignore_upstream: flag(
      "Whether to upload to Attic what an upstream of the cache has signed; default false.",
      true,
    ),
    host: v.optional(
      v.pipe(
        webOrigin,
        v.description("Address of a self-hosted Cachix server; default https://cachix.org."),
        v.examples(["https://cachix.example.com"]),
      ),
    ),
    upstream_keys: v.optional(
      v.pipe(
        v.array(keyName),
        v.maxLength(64, coded("invalid-value", "Name at most 64 keys")),
        v.description(
          "Names of the keys whose paths Attic or Cachix leaves to an upstream. An Attic server names its own.",
        ),
        v.examples([["cache.nixos.org-1"]]),
      ),
    ),
    substituter: v.optional(
      v.pipe(
        webAddress,
        v.description(
          "Address at which the cache is read, if that is not its destination. It is asked after a push.",
        ),
        v.examples(["https://cache.example.org"]),
      ),
    ),
    require_signature: v.optional(
      v.pipe(
        keyName,
        v.description(
          "Name of the key of which every path must carry a signature. If absent, no signature is required.",
        ),
        v.examples(["cache.example.org-1"]),
      ),
    ),
    ...pushRules,
  }),
  v.metadata({ allOf: destinationForms }),
  v.description("A binary cache."),
);

/** The part of `ekaci.toml` that belongs to caches, as it is written. Other tables are the server's own. */
export const serverSchema = openTable({
  security: v.optional(
    v.pipe(
      openTable({
        max_hook_timeout_seconds: v.optional(
          v.pipe(
            v.number(),
            v.integer(coded("invalid-type", "Expected an integer of seconds")),
            v.description("Timeout of a push in seconds, 1 to 86400; default 300."),
            v.examples([300]),
          ),
        ),
        audit_hooks: flag(
          "Whether every decision, credential fetch, start and end is an audit event; default true.",
          true,
        ),
        allow_private_cache_hosts: flag(
          "Whether destinations on private, loopback and link-local hosts are accepted; default false.",
          false,
        ),
      }),
      v.description("What applies to every cache."),
    ),
  ),
  caches: v.optional(v.array(cache)),
});

/** `ekaci.toml` as {@link serverSchema} lets it through. */
export type ServerWire = v.InferOutput<typeof serverSchema>;
/** One of its caches. */
export type CacheWire = v.InferOutput<typeof cache>;
/** The credentials of one of its caches. */
export type CredentialsWire = v.InferOutput<typeof credentials>;
