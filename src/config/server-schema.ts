import * as v from "valibot";
import { findEnvironmentNameProblem } from "../environment-name.ts";
import { hasControlCharacter } from "../text.ts";
import { coded } from "./schema-issues.ts";

/** Grammar of a cache id. */
export const CACHE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u;

/** What to say of an id outside {@link CACHE_ID}. */
export const CACHE_ID_PROBLEM =
  "A cache id has 1 to 64 letters, digits and . _ -, and begins with a letter or digit";

const text = v.pipe(
  v.string(),
  v.check(
    (value) => value.length > 0 && value.length <= 4096 && !hasControlCharacter(value),
    coded("invalid-value", "A text here has 1 to 4096 characters and no control characters"),
  ),
);

const headerText = v.pipe(
  text,
  v.check(
    (value) => /^[\x21-\x7e]+$/u.test(value),
    coded("invalid-value", "Expected printable ASCII without spaces"),
  ),
);

const environmentName = v.pipe(
  v.string(),
  v.check(
    (value) => findEnvironmentNameProblem(value) === undefined,
    coded("invalid-value", "This is not the name of a variable that may hold a credential"),
  ),
);

const absolutePath = v.pipe(
  text,
  v.check((value) => value.startsWith("/"), coded("invalid-value", "The path must be absolute")),
);

const webAddress = v.pipe(
  text,
  v.check(
    isWebAddress,
    coded("invalid-value", "An address is http(s)://host[:port], without credentials or parameters"),
  ),
);

const secretPath = v.pipe(
  text,
  v.check(
    (value) =>
      /^[A-Za-z0-9._~@+=,/ -]+$/u.test(value) && value.split("/").every((part) => !/^\.{1,2}$/u.test(part)),
    coded("invalid-value", "A secret's path has plain segments only: no .., %, ? or #"),
  ),
);

// Names by systemd.exec(5) and its implementation: a file name that is also a valid descriptor name.
const credentialName = v.pipe(
  v.string(),
  v.check(
    (value) => /^[\x20-\x7e]{1,255}$/u.test(value) && !/[/:]/u.test(value) && !/^\.{1,2}$/u.test(value),
    coded("invalid-value", "A credential's name is printable ASCII without / and :"),
  ),
);

const roleArn = v.pipe(
  v.string(),
  v.check(
    (value) => /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/u.test(value),
    coded("invalid-value", "A role is arn:aws:iam::<account>:role/<name>"),
  ),
);

const region = v.pipe(
  v.string(),
  v.check(
    (value) => /^[a-z0-9-]{1,64}$/u.test(value),
    coded("invalid-value", "This is not the name of an AWS region"),
  ),
);

function isWebAddress(value: string): boolean {
  if (!/^https?:\/\/[^/?#@\\\s]+\/?[^?#@\\\s]*$/u.test(value) || !URL.canParse(value)) return false;
  return !value.split("/").slice(3).includes("..");
}

/** A table whose keys are all known, of which none is inherited. */
function table<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.StrictObjectSchema<Entries, undefined> {
  return v.strictObject(withoutPrototype(entries));
}

/** A table of which only these keys are ours. */
function openTable<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.ObjectSchema<Entries, undefined> {
  return v.object(withoutPrototype(entries));
}

// valibot asks `key in entries`; with a prototype, `constructor` would be a known key.
function withoutPrototype<Entries extends v.ObjectEntries>(entries: Entries): Entries {
  return Object.setPrototypeOf({ ...entries }, null);
}

/** The sources under `credentials`. Keys beginning with `custom:` are sources that the host defines. */
export const credentialEntries = {
  env: v.optional(
    table({
      vars: v.pipe(
        v.array(environmentName),
        v.check((names) => names.length > 0, coded("invalid-value", "Name at least one variable")),
        v.check((names) => names.length <= 64, coded("invalid-value", "Name at most 64 variables")),
        v.check(
          (names) => new Set(names).size === names.length,
          coded("invalid-value", "A variable is named twice"),
        ),
      ),
    }),
  ),
  file: v.optional(
    table({ path: absolutePath, file_permissions: v.optional(v.picklist(["strict", "off"])) }),
  ),
  "aws-profile": v.optional(table({ profile: text })),
  "cachix-token": v.optional(table({ env_var: environmentName })),
  vault: v.optional(
    table({
      address: webAddress,
      secret_path: secretPath,
      token_env: v.optional(environmentName),
      namespace: v.optional(headerText),
    }),
  ),
  "aws-secrets-manager": v.optional(table({ secret_name: text, region: v.optional(region) })),
  "systemd-credential": v.optional(table({ name: credentialName })),
  "instance-metadata": v.optional(
    table({
      provider: v.optional(v.picklist(["aws", "gcp", "azure"])),
      role_arn: v.optional(roleArn),
      audience: v.optional(text),
      client_id: v.optional(text),
      region: v.optional(region),
    }),
  ),
  none: v.optional(table({})),
};

const credentials = v.union([
  v.picklist(["none", "instance-metadata"]),
  v.looseObject(withoutPrototype(credentialEntries)),
]);

const permissions = table({
  allow_all: v.optional(v.boolean()),
  allowed_repos: v.optional(v.array(v.string())),
  allowed_branches: v.optional(v.array(v.string())),
  allow_forks: v.optional(v.boolean()),
});

const cache = table({
  id: v.pipe(v.string(), v.regex(CACHE_ID, coded("invalid-cache-id", CACHE_ID_PROBLEM))),
  cache_type: v.picklist(["nix-copy", "cachix", "attic"]),
  destination: v.string(),
  credentials,
  permissions: v.optional(permissions),
});

/** The part of `ekaci.toml` that belongs to caches, as it is written. Other tables are the server's own. */
export const serverSchema = openTable({
  security: v.optional(
    openTable({
      max_hook_timeout_seconds: v.optional(
        v.pipe(v.number(), v.integer(coded("invalid-type", "Expected a whole number of seconds"))),
      ),
      audit_hooks: v.optional(v.boolean()),
      allow_private_cache_hosts: v.optional(v.boolean()),
    }),
  ),
  caches: v.optional(v.array(cache)),
});

/** `ekaci.toml` as {@link serverSchema} lets it through. */
export type ServerWire = v.InferOutput<typeof serverSchema>;
/** One of its caches. */
export type CacheWire = v.InferOutput<typeof cache>;
/** The credentials of one of its caches. */
export type CredentialsWire = v.InferOutput<typeof credentials>;
