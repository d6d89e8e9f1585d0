import { CACHE_FLAG } from "./cache-flag.ts";
import { COMMON_FLAGS } from "./common-flags.ts";
import { REQUEST_FLAGS } from "./request-flags.ts";
import { SHELLS } from "./shells.ts";
import { buildCommand } from "./stricli.ts";

const text = String;
const oneOf =
  <const Value extends string>(...values: readonly Value[]) =>
  (given: string): Value => {
    const found = values.find((value) => value === given);
    if (found === undefined) throw new SyntaxError(`it is one of ${values.join(", ")}`);
    return found;
  };

const explain = buildCommand({
  loader: async () => (await import("./commands/explain.ts")).explain,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      ...REQUEST_FLAGS,
      cache: { ...CACHE_FLAG, brief: "Id of the cache" },
    },
  },
  docs: {
    brief:
      "Says whether a push would be allowed, which rule decides, on which line it is, and what would have to change",
    fullDescription:
      "Example: eka-caches explain --cache production --repo o/r --pr 42 --head stranger/r:main\n\nExits with 0 if it is allowed, and 3 if not.",
  },
});

const check = buildCommand({
  loader: async () => (await import("./commands/check.ts")).check,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      cache: {
        ...CACHE_FLAG,
        brief: "Only this cache; more than once for several",
        optional: true,
        variadic: true,
      },
      probe: {
        kind: "parsed",
        // Without a value it reads.
        parse: (given: string) => oneOf("read", "write")(given === "" ? "read" : given),
        inferEmpty: true,
        brief: "Ask each destination, with its credentials; --probe=write pushes a tiny path to each",
        optional: true,
        placeholder: "read|write",
      },
    },
  },
  docs: {
    brief:
      "Reads the file, then tries the tools and the credentials of each cache, and with --probe the destinations; no secret is shown",
    fullDescription: "Example: eka-caches check --probe --config /etc/eka-ci/ekaci.toml",
  },
});

const lint = buildCommand({
  loader: async () => (await import("./commands/lint.ts")).lint,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      ...REQUEST_FLAGS,
      repo: { ...REQUEST_FLAGS.repo, optional: true },
      format: {
        kind: "enum",
        values: ["text", "github"],
        brief: "Format of findings; github for annotations",
        default: "text",
      },
    },
    positional: {
      kind: "array",
      parameter: {
        brief: "Files of repositories; default .eka-ci/config.json",
        parse: text,
        placeholder: "file",
      },
    },
  },
  docs: {
    brief:
      "Compares files of repositories with the server's: caches that do not exist, and pushes that would be denied",
    fullDescription: "Example: eka-caches lint --repo o/r --branch main --format github .eka-ci/config.json",
  },
});

const matrix = buildCommand({
  loader: async () => (await import("./commands/matrix.ts")).matrix,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      repo: {
        kind: "parsed",
        parse: text,
        brief: "A repository to show; default those in the file, and a stranger's",
        optional: true,
        variadic: true,
        placeholder: "owner/name",
      },
      branch: {
        kind: "parsed",
        parse: text,
        brief: "A branch to show, besides main and those in the file",
        optional: true,
        variadic: true,
        placeholder: "name",
      },
      format: {
        kind: "enum",
        values: ["table", "md", "json", "html"],
        brief: "Format; html is a page that can be filtered",
        default: "table",
      },
      diff: {
        kind: "parsed",
        parse: text,
        brief: "An older file; prints what this one opens and closes",
        optional: true,
        placeholder: "old.toml",
      },
      denyOpening: {
        kind: "boolean",
        brief: "With --diff: exit with 1 if the change opens anything",
        default: false,
      },
    },
  },
  docs: {
    brief: "Shows who may push where: caches, repositories and kinds of refs",
    fullDescription: "Example: eka-caches matrix --config new.toml --diff old.toml --deny-opening",
  },
});

const migrate = buildCommand({
  loader: async () => (await import("./commands/migrate.ts")).migrate,
  parameters: {
    flags: {
      ...COMMON_FLAGS,
      repo: {
        kind: "parsed",
        parse: text,
        brief: "The repository that the file belongs to",
        optional: true,
        placeholder: "owner/name",
      },
      write: { kind: "boolean", brief: "Change the file", default: false },
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          brief: "The repository's file; default .eka-ci/config.json",
          parse: text,
          optional: true,
          placeholder: "file",
        },
      ],
    },
  },
  docs: {
    brief: "Turns post_build_hooks of a repository's file into caches, as a diff",
    fullDescription: "Example: eka-caches migrate --repo o/r .eka-ci/config.json",
  },
});

const schema = buildCommand({
  loader: async () => (await import("./commands/schema.ts")).schema,
  parameters: {
    flags: {},
    positional: {
      kind: "tuple",
      parameters: [
        {
          brief: "Which file: server or repository",
          parse: oneOf("server", "repository"),
          placeholder: "server|repository",
        },
      ],
    },
  },
  docs: {
    brief: "Prints the JSON Schema of a file, for editors",
    fullDescription: "Example: eka-caches schema server > ekaci.schema.json",
  },
});

const completion = buildCommand({
  loader: async () => (await import("./commands/completion.ts")).completion,
  parameters: {
    flags: {},
    positional: {
      kind: "tuple",
      parameters: [{ brief: "The shell", parse: oneOf(...SHELLS), placeholder: SHELLS.join("|") }],
    },
  },
  docs: {
    brief: "Prints what a shell needs to complete commands and flags",
    fullDescription: 'Example: eval "$(eka-caches completion bash)"',
  },
});

/** Commands about files. */
export const CONFIG_ROUTES = { check, explain, lint, matrix, migrate, schema, completion };
