import * as v from "valibot";
import { BYTE_SIZE, parseByteSize } from "../../core/byte-size.ts";
import { findEnvironmentNameProblem } from "../../core/environment-name.ts";
import { NAME_PATTERN } from "../../core/name-pattern.ts";
import { coded } from "./schema-issues.ts";

/** Grammar of a cache id. */
export const CACHE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u;

const LEAST_BYTES = 2 ** 20;

/** The id of a cache. */
export const cacheId = v.pipe(
  v.string(),
  v.regex(
    CACHE_ID,
    coded(
      "invalid-cache-id",
      "A cache id has 1 to 64 letters, digits and . _ -, and begins with a letter or digit",
    ),
  ),
  v.description("Id of a cache: 1 to 64 letters, digits and . _ -, beginning with a letter or digit."),
  v.examples(["production-s3"]),
);

/** Any text of a readable length. */
export const text = v.pipe(
  v.string(),
  v.minLength(1, coded("invalid-value", "A text here must not be empty")),
  v.maxLength(4096, coded("invalid-value", "A text here has at most 4096 characters")),
  v.regex(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /^[^\u0000-\u001f\u007f-\u009f]*$/u,
    coded("invalid-value", "A text here has no control characters"),
  ),
);

/** A text that goes into an HTTP header. */
export const headerText = v.pipe(
  text,
  v.regex(/^[\x21-\x7e]+$/u, coded("invalid-value", "Expected printable ASCII without spaces")),
);

/** The name of a variable that may hold a credential. */
export const environmentName = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,127}$/u,
    coded("invalid-value", "Expected the name of a variable: letters, digits and _"),
  ),
  v.check(
    (value) => findEnvironmentNameProblem(value) === undefined,
    coded("invalid-value", "This variable would change how the push tool runs, so it cannot be a credential"),
  ),
);

/** A size of at least 1 MiB, as in `256 MiB`. */
export const byteSize = v.pipe(
  v.string(),
  v.regex(BYTE_SIZE, coded("invalid-value", "Expected a size, as in 256 MiB or 2 GB")),
  v.check(
    (value) => (parseByteSize(value) ?? Number.POSITIVE_INFINITY) >= LEAST_BYTES,
    coded("invalid-value", "A size here is at least 1 MiB"),
  ),
  v.check(
    (value) => parseByteSize(value) !== undefined,
    coded("invalid-value", "A size here is at most 8191 TiB"),
  ),
);

/** An absolute path. */
export const absolutePath = v.pipe(
  text,
  v.regex(/^\//u, coded("invalid-value", "The path must be absolute")),
);

/** The address of a server: `http(s)://host[:port][/prefix]`. */
export const webAddress = v.pipe(
  text,
  v.regex(
    /^https?:\/\/[^/?#@\\\s]+\/?[^?#@\\\s]*$/u,
    coded("invalid-value", "An address is http(s)://host[:port], without credentials or parameters"),
  ),
  v.check(
    (value) => URL.canParse(value) && !value.split("/").slice(3).includes(".."),
    coded("invalid-value", "The address has no valid host, or a path with .."),
  ),
);

/** A server without a path: `http(s)://host[:port]`. */
export const webOrigin = v.pipe(
  text,
  v.regex(
    /^https?:\/\/[^/?#@\\\s]+$/u,
    coded("invalid-value", "Expected https://host[:port], without a path, credentials or parameters"),
  ),
  v.check((value) => URL.canParse(value), coded("invalid-value", "The address has no valid host")),
);

/** The name of a host, without a port. */
export const hostName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/u, coded("invalid-value", "Expected the name of a host")),
);

/** The path of a secret, which cannot climb. */
export const secretPath = v.pipe(
  text,
  v.regex(
    /^(?!(?:.*\/)?\.{1,2}(?:\/|$))[A-Za-z0-9._~@+=,/ -]+$/u,
    coded("invalid-value", "A secret's path has plain segments only: no .., %, ? or #"),
  ),
);

/** Name of a credential by systemd.exec(5): a file name that is also a valid descriptor name. */
export const credentialName = v.pipe(
  v.string(),
  v.regex(
    /^(?!\.{1,2}$)[\x20-\x2e\x30-\x39\x3b-\x7e]{1,255}$/u,
    coded("invalid-value", "A credential's name is printable ASCII without / and :"),
  ),
);

/** The ARN of an AWS role. */
export const roleArn = v.pipe(
  v.string(),
  v.regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/u,
    coded("invalid-value", "A role is arn:aws:iam::<account>:role/<name>"),
  ),
);

/** The name of a signing key, which stands before the colon in `nix-store --generate-binary-cache-key`. */
export const keyName = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9._+-]{1,128}$/u,
    coded("invalid-value", "Expected the name of a signing key, without the key itself"),
  ),
);

/** A public key of Nix: its name, a colon and 32 bytes in base 64. */
export const publicKey = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9._+-]{1,128}:[A-Za-z0-9+/]{43}=$/u,
    coded(
      "invalid-value",
      "Expected a public key, as in cache.nixos.org-1:6NCH…: a name, a colon and 32 bytes in base 64",
    ),
  ),
);

/** A pattern of the names of store paths. */
export const namePattern = v.pipe(
  v.string(),
  v.regex(
    NAME_PATTERN,
    coded(
      "invalid-value",
      "A pattern of names has 1 to 211 letters, digits and + . _ ? = -, and * for any text, at most 8 times",
    ),
  ),
);

/** The name of an AWS region. */
export const region = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9-]{1,64}$/u, coded("invalid-value", "This is not the name of an AWS region")),
);
