import * as v from "valibot";
import { credentialEntries } from "./credential-entries.ts";
import { coded } from "./schema-issues.ts";
import { sourceTable, table } from "./schema-table.ts";
import { byteSize, cacheId, namePattern, publicKey, webAddress } from "./text-schemas.ts";
import { wholeNumber } from "./whole-number.ts";

const namePatterns = (description: string, example: string[]) =>
  v.optional(
    v.pipe(
      v.array(namePattern),
      v.maxLength(256, coded("invalid-value", "Write at most 256 patterns")),
      v.description(description),
      v.examples([example]),
    ),
  );

/** What is pushed if policy allows it, and what a failure means. */
export const pushRules = {
  exclude: namePatterns(
    "Patterns of names of store paths that are not pushed, unless a pushed path refers to them.",
    ["*-source", "*.iso"],
  ),
  max_nar_size: v.optional(
    v.pipe(
      byteSize,
      v.description("Store paths with a larger NAR are not pushed, unless a pushed path refers to them."),
      v.examples(["2 GiB"]),
    ),
  ),
  upstream_caches: v.optional(
    v.pipe(
      v.array(webAddress),
      v.maxLength(8, coded("invalid-value", "Name at most 8 caches")),
      v.description("Binary caches whose paths are not pushed. Readers need them as substituters, too."),
      v.examples([["https://cache.nixos.org"]]),
    ),
  ),
  deny_paths: namePatterns(
    "Patterns of names of store paths. A push whose closure has one of them is refused.",
    ["*-secrets-*"],
  ),
  max_closure_size: v.optional(
    v.pipe(
      byteSize,
      v.description("A push whose closure has more bytes of NARs is refused."),
      v.examples(["20 GiB"]),
    ),
  ),
  max_paths: v.optional(
    v.pipe(
      wholeNumber(1, 1_000_000),
      v.description("A push whose closure has more store paths is refused."),
      v.examples([20_000]),
    ),
  ),
  signing_key: v.optional(
    v.pipe(
      sourceTable(credentialEntries),
      v.description("Source of the key that signs what is pushed: exactly one source."),
      v.examples([{ file: { path: "/etc/eka-ci/signing-key" } }]),
    ),
  ),
  trusted_public_keys: v.optional(
    v.pipe(
      v.array(publicKey),
      v.minLength(1, coded("invalid-value", "Name at least one key")),
      v.maxLength(64, coded("invalid-value", "Name at most 64 keys")),
      v.description("Public keys. Every pushed path must carry a valid signature by one of them."),
      v.examples([["cache.example.org-1:8w2cJ8bFSTX8Ku4K7lmRHoPcOBNmhAWtbmPAjzJkzEA="]]),
    ),
  ),
  after_push: v.optional(
    v.pipe(
      table({
        pin: v.pipe(
          v.string(),
          v.description(
            "Name of a pin, with {name} of the path and, if wanted, {repository}, {ref} and {job}.",
          ),
          v.examples(["{repository}:{ref}:{name}"]),
        ),
        keep_revisions: v.optional(
          v.pipe(
            wholeNumber(1, 100_000),
            v.description("How many revisions of a pin are kept; default all."),
            v.examples([10]),
          ),
        ),
        keep_days: v.optional(
          v.pipe(
            wholeNumber(1, 36_500),
            v.description("For how many days revisions are kept; default forever."),
            v.examples([30]),
          ),
        ),
      }),
      v.description("What happens with confirmed paths of branches and tags."),
      v.examples([{ pin: "{repository}:{ref}:{name}", keep_revisions: 10 }]),
    ),
  ),
  promote_from: v.optional(
    v.pipe(
      v.array(
        table({
          cache: v.pipe(
            cacheId,
            v.description("Id of the cache that has the paths."),
            v.examples(["staging"]),
          ),
          require_signature: v.pipe(
            publicKey,
            v.description("Public key by which each promoted path must be signed."),
            v.examples(["cache.example.org-1:8w2cJ8bFSTX8Ku4K7lmRHoPcOBNmhAWtbmPAjzJkzEA="]),
          ),
        }),
      ),
      v.minLength(1, coded("invalid-value", "Name at least one cache")),
      v.maxLength(16, coded("invalid-value", "Name at most 16 caches")),
      v.description("Caches whose paths may be promoted to this one."),
    ),
  ),
  on_failure: v.optional(
    v.pipe(
      v.picklist(["fail", "warn"]),
      v.description("Whether a failure at this cache fails the report; default fail."),
      v.examples(["warn"]),
    ),
  ),
};
