// What every code means, for people: `npm run errors:update` writes docs/errors.md from it. A code without an
// entry does not compile.
import type { DiagnosticCode, ErrorCodes } from "@eka-ci/caches";

/** At most three short sentences: what happened, why, and what to do. */
export interface Guide {
  readonly what: string;
  /** The usual reason; absent where `what` says it. */
  readonly why?: string;
  readonly fix: string;
}

type ErrorGuide = { readonly [Kind in keyof ErrorCodes]: Readonly<Record<ErrorCodes[Kind], Guide>> };

/** Codes of errors, by their class. */
export const ERROR_GUIDE: ErrorGuide = {
  ConfigError: {
    ERR_CONFIG_INVALID: {
      what: "The file has errors.",
      why: "`diagnostics` has all of them, each with its place and a hint.",
      fix: "Correct the file; [diagnostics](#diagnostics) explains each code.",
    },
    ERR_CONFIG_NOT_FOUND: {
      what: "There is no file at the path.",
      fix: "Create it, or name another one: `--config` of the program, `$EKA_CI_CONFIG_FILE`, or the path that your server passes.",
    },
    ERR_CONFIG_UNREADABLE: {
      what: "The file is there and cannot be read.",
      why: "The server's account may not read it, or it is not a regular file.",
      fix: "Check its owner and mode.",
    },
  },
  PermissionError: {
    ERR_PERMISSION_DENIED: {
      what: "Policy does not allow this request at this cache.",
      why: "`decision.reason` says which rule denied it; for a queued delivery, the rules at the time of the attempt count.",
      fix: "Read [permissions](permissions.md), and ask `eka-caches explain`.",
    },
    ERR_PERMISSIONS_MISSING: {
      what: "`compilePermissions` was given no permissions.",
      fix: "Check that the cache exists. For a cache without rules pass `{ allowAll: true }`.",
    },
    ERR_PATTERN_INVALID: {
      what: "A pattern is outside the grammar.",
      fix: "Correct it as the message says. [Permissions](permissions.md) has the grammar.",
    },
    ERR_REF_INVALID: {
      what: "A text given to `parseGitRef` is neither a branch nor a tag.",
      fix: "Pass `refs/heads/…` or `refs/tags/…`. For a pull request pass its number and head instead.",
    },
  },
  CredentialError: {
    ERR_CREDENTIAL_NOT_CONFIGURED: {
      what: "The source needs something that the host does not provide.",
      why: "A variable is not set, or there is no credentials directory, region, cloud or audience.",
      fix: "Set what the message names where the service is started (`Environment=`, `EnvironmentFile=`, `LoadCredential=`).",
    },
    ERR_CREDENTIAL_NOT_FOUND: {
      what: "The file, profile, secret or role does not exist.",
      fix: "Check its name, path and region. Restore a secret that was deleted.",
    },
    ERR_CREDENTIAL_DENIED: {
      what: "The server may not read the credentials.",
      why: "The file belongs to somebody else, or the service refuses the server's identity.",
      fix: "Check the file's owner, the token's policy or the role's trust, and renew an expired token.",
    },
    ERR_CREDENTIAL_UNREACHABLE: {
      what: "The source did not answer within 10 s, or its answer was cut off.",
      fix: "Check the address, the network and TLS. A queue tries again.",
    },
    ERR_CREDENTIAL_RATE_LIMITED: {
      what: "The service asks to come back later.",
      why: "`retryAfterMs` says when, if the service did.",
      fix: "Wait, as a queue does, or ask for a higher quota.",
    },
    ERR_CREDENTIAL_UNAVAILABLE: {
      what: "The service cannot answer now.",
      why: "It is sealed, failing or being updated, it redirects, or a custom source failed.",
      fix: "Repair or unseal it, or configure the address that it redirects to; a queue tries again.",
    },
    ERR_CREDENTIAL_MALFORMED: {
      what: "The source returned something outside its format.",
      why: "The message names the line or member: it is not `KEY=VALUE`, not JSON, empty or too large.",
      fix: "Correct the file or the secret.",
    },
    ERR_CREDENTIAL_EXPIRED: {
      what: "The credentials have expired, or those that would fetch them.",
      fix: "Renew them at the source, for instance by `aws sso login`.",
    },
    ERR_CREDENTIAL_INSECURE_FILE: {
      what: "Other accounts can read or change the credentials file.",
      fix: 'Run `chmod 600` and `chown`. `file_permissions = "off"` accepts it with a warning.',
    },
    ERR_CREDENTIAL_UNSUPPORTED: {
      what: "The source cannot do what is configured.",
      why: "For instance `role_arn` on EC2, `client_id` outside Azure, or a custom source that nobody defined.",
      fix: "Change the configuration as the message says.",
    },
  },
  CommandError: {
    ERR_STORE_PATH_INVALID: {
      what: "A text is not a store path, or it is a derivation.",
      fix: "Pass the outputs of the build, as `nix build --print-out-paths` prints them.",
    },
    ERR_COMMAND_INVALID: {
      what: "The command cannot be built or started as it is.",
      why: "The work directory cannot be made, or the cache type is not among `cacheTypes`.",
      fix: "Check free space and permissions of `$TMPDIR`, or pass the type to the registry.",
    },
    ERR_COMMAND_CREDENTIALS: {
      what: "The tool would ignore these credentials, or it lacks some.",
      why: "[Push tools](push-tools.md) says what each tool uses; a signing key may be invalid, or have another name than `require_signature`.",
      fix: "Let the source yield exactly what the tool uses.",
    },
    ERR_COMMAND_NOT_FOUND: {
      what: "The tool is not on the PATH.",
      fix: "Install it, or set `path` of the executor.",
    },
    ERR_TOOL_UNSUPPORTED: {
      what: "The installed tool cannot reach such a cache.",
      why: "This nix was built without S3, or without AWS authentication.",
      fix: "Install another build: see [builds of Nix](push-tools.md#builds-of-nix).",
    },
    ERR_HOST_EXHAUSTED: {
      what: "The host is short of disk space, memory, processes or file descriptors.",
      fix: "Free what the message names, or raise its limit. A queue tries again.",
    },
  },
  PushError: {
    ERR_PUSH_FAILED: {
      what: "The push tool failed, or the cache refused an upload.",
      why: "The message says what was refused, and `executions` has the tool's last words, redacted.",
      fix: "Read them, and ask `eka-caches check --probe` whether the destination takes the credentials.",
    },
    ERR_PUSH_TIMEOUT: {
      what: "The push did not end in time.",
      fix: "Check the network and the cache, or raise `max_hook_timeout_seconds`. A queue tries again.",
    },
    ERR_PUSH_ABORTED: {
      what: "The host asked the push to stop.",
      fix: "If that was intended, do nothing.",
    },
    ERR_PUSH_STALLED: {
      what: "The push made no progress for `stallTimeoutMs`.",
      fix: "Check the network and the cache, or allow more time. A queue tries again.",
    },
    ERR_PUSH_UNVERIFIED: {
      what: "The push tool reported success, but the cache does not have everything.",
      why: "A path or reference is missing, the cache returns something else, or it cannot be read.",
      fix: "Look for a full disk, a proxy that answers for the cache or a wiped bucket, and set `substituter` if readers have another address.",
    },
    ERR_CACHE_INCOMPATIBLE: {
      what: "The destination is not a binary cache of this host's store.",
      why: "Its `nix-cache-info` names another store directory, or something else answered.",
      fix: "Check the destination, or set the store directory of the host.",
    },
    ERR_CLOSURE_REFUSED: {
      what: "The closure breaks `deny_paths`, `max_closure_size` or `max_paths`, and nothing was sent.",
      why: "The message shows the chain of references to a denied path.",
      fix: "Change the build, or the rule.",
    },
    ERR_PROMOTION_SOURCE: {
      what: "The source of the promotion lacks a path, or cannot be read.",
      why: "It was not pushed there yet, a rule of that cache left it out, or the server is away.",
      fix: "Push it to the source first, and look at `eka-caches check --probe --cache <source>`.",
    },
    ERR_PROMOTION_CORRUPT: {
      what: "A path at the source of the promotion is not what was signed.",
      why: "A NAR differs from the hash in its narinfo, is cut off, or uses an unsupported compression (`bzip2`).",
      fix: "Push the path to the source anew; if it happens again, find out who writes there.",
    },
    ERR_CLOSURE_UNKNOWN: {
      what: "The Nix store could not list the closure that the cache's rules need, and nothing was sent.",
      fix: "Run `nix path-info --recursive` for the path as the server's account. A queue tries again.",
    },
    ERR_SIGNATURE_MISSING: {
      what: "A path in the cache has no accepted signature.",
      why: "`require_signature` or `trusted_public_keys` requires one.",
      fix: "Sign when building (`secret-key-files` in `nix.conf`), or set `signing_key`.",
    },
    ERR_STORE_PATH_NOT_VALID: {
      what: "The Nix store does not have a path.",
      why: "It was collected as garbage, or it was never built here.",
      fix: "Build it again, and protect queued paths with `createGcRoots`.",
    },
    ERR_GC_ROOT_FAILED: {
      what: "The paths could not be protected from the garbage collector.",
      why: "The directory of the links cannot be written, or the Nix daemon does not answer.",
      fix: "Check the directory's owner, and `nix store ping`.",
    },
    ERR_AUDIT_FAILED: {
      what: "An audit sink failed, so nothing was pushed.",
      fix: "Repair the sink. A queue tries again.",
    },
    ERR_CHECK_ABORTED: {
      what: "The check was aborted before it finished; nothing was pushed.",
      fix: "Give it more time.",
    },
    ERR_PROBE_REFUSED: {
      what: "The destination refused the probe, or there is no such cache.",
      fix: "Check the destination, and what the credentials allow.",
    },
    ERR_PROBE_UNANSWERED: {
      what: "The destination did not answer the probe, or is failing.",
      fix: "Check the network and the server, and probe again.",
    },
    ERR_REGISTRY_CLOSED: {
      what: "The registry was used after it was disposed or retired.",
      fix: "Create a new one, or correct the order in which your host shuts down.",
    },
    ERR_QUEUE_CLOSED: {
      what: "The queue was used after it was closed, or closed while `drain()` waited.",
      fix: "Create a new one. A durable journal keeps the remaining deliveries.",
    },
    ERR_REQUEST_UNREADABLE: {
      what: "The journal has a request that cannot be read; it was not pushed, and is a dead letter.",
      why: "Somebody changed the journal, or a newer version wrote it.",
      fix: "Find out who did, drop the letter, and enqueue the request again.",
    },
    ERR_QUEUE_ROLE: {
      what: 'A request was enqueued on a queue with `role: "consumer"`.',
      fix: 'Enqueue on a queue with the role `"producer"` or `"both"`.',
    },
    ERR_PUSH_ID_CONFLICT: {
      what: "Another request was accepted under the same `pushId`.",
      fix: "Give each request its own id. The same id repeats the same request.",
    },
    ERR_DELIVERY_CRASHED: {
      what: "Every host that took the delivery stopped in the middle, so it is a dead letter.",
      fix: "Find in the hosts' logs why they stop, such as memory, then replay it.",
    },
    ERR_DELIVERY_CANCELLED: {
      what: "The host cancelled the delivery while it waited.",
      fix: "If that was intended, do nothing.",
    },
    ERR_JOURNAL_FAILED: {
      what: "The journal or ledger does not work; a request that was being accepted may be lost.",
      why: "The message names the file or server, and the reason.",
      fix: "Check disk space, the directory's rights or the server, and enqueue again.",
    },
    ERR_JOURNAL_CORRUPT: {
      what: "The file of the journal or ledger is damaged.",
      fix: "Stop every host that uses it, and open it again: a journal is salvaged into a new file. Move a damaged ledger away.",
    },
    ERR_JOURNAL_UNAVAILABLE: {
      what: "This host cannot open this kind of journal or ledger.",
      why: "This Node.js has no `node:sqlite`, or the package `pg` is not installed.",
      fix: "Use Node.js 22.13 or newer, run `npm install pg`, or use another journal.",
    },
  },
  ForgeError: {
    ERR_FORGE_SIGNATURE: {
      what: "A request that claims to be a forge's event is not signed with the secret.",
      fix: "Answer 401. If it is genuine, compare the webhook's secret, and verify the raw bytes of the body.",
    },
    ERR_FORGE_EVENT_INVALID: {
      what: "A signed event lacks what this kind of event has.",
      fix: "Answer 400. Let the webhook send `application/json`.",
    },
  },
  FileError: {
    ERR_FILE_NOT_FOUND: {
      what: "A `FileSystem` port has no such file.",
      fix: "Sources and files report it with their own code.",
    },
    ERR_FILE_DENIED: {
      what: "A `FileSystem` port may not read the file.",
      fix: "Sources and files report it with their own code.",
    },
    ERR_FILE_NOT_REGULAR: {
      what: "A `FileSystem` port found no regular file.",
      fix: "Sources and files report it with their own code.",
    },
    ERR_FILE_TOO_LARGE: {
      what: "A `FileSystem` port found a file beyond its limit.",
      fix: "Sources and files report it with their own code.",
    },
    ERR_FILE_UNREADABLE: {
      what: "A `FileSystem` port could not read the file.",
      fix: "Sources and files report it with their own code.",
    },
  },
  HttpError: {
    ERR_HTTP_UNREACHABLE: {
      what: "An `HttpClient` port got no answer.",
      fix: "Sources and uploads report it with their own code.",
    },
    ERR_HTTP_TOO_LARGE: {
      what: "An `HttpClient` port got an answer beyond its limit.",
      fix: "Sources and uploads report it with their own code.",
    },
    ERR_HTTP_INVALID: {
      what: "An `HttpClient` port was given an invalid request.",
      fix: "Sources and uploads report it with their own code.",
    },
  },
};

/** A diagnostic, with what it does to the file. */
export interface DiagnosticGuide extends Guide {
  readonly severity: "error" | "warning" | "error or warning";
}

const error = (what: string, fix: string, why?: string): DiagnosticGuide => ({
  severity: "error",
  what,
  fix,
  ...(why === undefined ? {} : { why }),
});
const warning = (what: string, fix: string, why?: string): DiagnosticGuide => ({
  ...error(what, fix, why),
  severity: "warning",
});

/** Codes of diagnostics. */
export const DIAGNOSTIC_GUIDE: Readonly<Record<DiagnosticCode, DiagnosticGuide>> = {
  "toml-syntax": error("The text stops being TOML at this place.", "Correct it as the hint says."),
  "json-syntax": error("The text stops being JSON at this place.", "Correct it as the hint says."),
  "invalid-encoding": error("The bytes from this place on are not UTF-8.", "Save the file as UTF-8."),
  "input-too-large": error(
    "The file is too large: at most 4 MiB for the server's, 256 KiB for a repository's.",
    "Make it smaller.",
  ),
  "nesting-too-deep": error(
    "Keys are nested too deep: at most 8 levels in the server's file, 32 in a repository's.",
    "Remove levels. No key of this package needs that many.",
  ),
  "file-not-found": error("There is no file at the path.", "Create it, or name another one."),
  "file-unreadable": error("The file cannot be read.", "Check its owner and mode."),
  "duplicate-key": error("A JSON object has a key twice.", "Keep one of them."),
  "unknown-key": {
    severity: "error or warning",
    what: "A key is not known at this place.",
    why: "A misspelt rule must never open a cache; where other keys are allowed, a near miss is a warning.",
    fix: "Correct the key, as the hint says, or remove it.",
  },
  "missing-key": error(
    "A required key is missing from the table at this place.",
    "Add it. The hint shows an example.",
  ),
  "invalid-type": error("A value has the wrong type.", "Write a value of the type that the message names."),
  "invalid-value": error("A value has the wrong form or is out of range.", "Correct it as the message says."),
  "invalid-cache-id": error(
    "A cache id is outside `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.",
    "Choose another id, and use it in the repositories' files.",
  ),
  "duplicate-cache-id": error("Two caches have the same id.", "Give each its own id."),
  "duplicate-cache-reference": warning("A job names a cache twice; it is used once.", "Remove one."),
  "too-many-caches": error("A job names more than 64 caches.", "Name fewer."),
  "invalid-destination": error(
    "A destination is outside the grammar of its cache type.",
    "Write it as the hint shows.",
    "The grammar is an allow-list: anything else could make the tool write to the file system or run a program.",
  ),
  "private-host": error(
    "A destination is on a private, loopback or link-local host.",
    "If that is intended, set `allow_private_cache_hosts = true` under `[security]`.",
  ),
  "plaintext-address": warning(
    "A credential service on a public host is addressed without TLS.",
    "Use `https`.",
  ),
  "plaintext-destination": warning(
    "A destination on a public host is addressed without TLS.",
    "Use `https`.",
  ),
  "invalid-credentials": error("`credentials` has no source, or more than one.", "Name exactly one."),
  "unknown-cache-type": error(
    "The host does not define this cache type.",
    "Correct the name, or pass the type to the registry. See [cache types of your own](cache-types.md).",
  ),
  "unknown-credential-source": error(
    "There is no such credential source.",
    "Correct its name, or pass a source of your own to the registry.",
  ),
  "insecure-file-permissions": warning(
    '`file_permissions = "off"` accepts a credentials file that others can read.',
    "Remove it, and run `chmod 600` on the file.",
  ),
  "invalid-pattern": error(
    "A pattern of `allowed_repos` or `allowed_branches` is outside the grammar.",
    "Correct it: see [permissions](permissions.md).",
  ),
  "unrestricted-permissions": warning(
    "A cache has no `permissions`: every repository and ref may push to it.",
    "List `allowed_repos`, or write `permissions = { allow_all = true }` if that is intended.",
  ),
  "ignored-permissions": warning(
    "Lists beside `allow_all = true` do nothing.",
    "Remove the lists, or `allow_all`.",
  ),
  "ambiguous-permissions": error(
    "`permissions` lacks `allow_all`.",
    "Write `allow_all = false` beside lists.",
    "Without it nobody can tell whether an empty list opens the cache or closes it.",
  ),
  "no-repositories-allowed": warning(
    "`allowed_repos` allows nobody.",
    "List repositories, or remove the cache.",
  ),
  "no-branches-allowed": warning("`allowed_branches` allows no branch.", "List branches, or remove the key."),
  "timeout-clamped": warning(
    "`max_hook_timeout_seconds` is outside 1 to 86400; the nearest bound is used.",
    "Write a number within the range.",
  ),
  "hooks-ignored": warning(
    "A repository's `post_build_hooks` never run.",
    "Name caches instead: see [migration](migration.md).",
  ),
  "inline-secret": error(
    "The file holds a credential.",
    "Revoke it, and name a source under `credentials` instead, as the hint shows.",
    "A key such as `AWS_SECRET_ACCESS_KEY`, a URL with a password, or a value in a form that issuers use.",
  ),
  "unknown-cache": warning(
    "`lintRepositoryConfig`: no cache has this id.",
    "Correct the id. The hint names the nearest one.",
  ),
  "push-denied": warning(
    "`lintRepositoryConfig`: policy would deny this push.",
    "Ask the operator, or remove the cache from the job.",
  ),
  "hard-coded-credential": error(
    "`migrateHooks`: a hook holds a credential.",
    "Revoke it: it is in the repository's history.",
  ),
  "untranslatable-command": error(
    "`migrateHooks`: no cache can replace a command.",
    "Move it into the build, or drop it.",
  ),
  "incomplete-migration": warning("`migrateHooks`: something has to be added by hand.", "Follow the hint."),
  "too-many-problems": warning(
    "The file has more than 10,000 problems; the rest is counted.",
    "Correct the first ones.",
  ),
};
