import type { AfterPush, CustomCacheType } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import { listIssuePlaces, type StandardSchemaV1 } from "../core/standard-schema.ts";
import type { CacheTool, CacheTypeDefinition } from "./cache-tool.ts";
import { type CommandSpec, type FailureText, privateHome } from "./command.ts";
import type { NixStoreAccess } from "./nix-store-access.ts";
import { refuseUnusedCredentials } from "./push-input.ts";
import { checkStorePaths } from "./store-path.ts";
import type { ToolInput } from "./tool-input.ts";

/**
 * The settings of a cache of a custom type, for the type's schema.
 *
 * @public
 */
export interface CacheTypeSettings {
  /** The text of `destination`: one word of printable ASCII, without a password. */
  readonly destination: string;
  /** The table `options`, if the cache has one. */
  readonly options?: unknown;
}

/**
 * What the commands of a custom cache type are built from.
 *
 * @example
 * ```ts
 * const toAccess = ({ target }: CacheTypeInput<string>): NixStoreAccess => ({ url: target });
 * ```
 *
 * @public
 */
export interface CacheTypeInput<Target> {
  /** The destination, as returned by the type's schema. */
  readonly target: Target;
  /** The store paths, at least one, checked by Nix's own grammar. */
  readonly storePaths: readonly string[];
  /** The credentials by name; only names in the type's `credentialNames`. */
  readonly credentials: ReadonlyMap<string, Secret>;
  /** The store's directory, if it is not `/nix/store`. */
  readonly storeDirectory?: string | undefined;
  /** Whether progress is reported; Nix writes it as JSON lines with `logFormat`. */
  readonly progress?: boolean | undefined;
}

/**
 * What {@link defineCacheType} takes.
 *
 * @example
 * ```ts
 * const init: CacheTypeInit<string> = {
 *   type: "custom:rsync",
 *   tool: "nix",
 *   schema: v.pipe(v.strictObject({ destination: v.pipe(v.string(), v.startsWith("file:///mnt/")) }), v.transform((s) => s.destination)),
 *   build: (input) => buildNixStoreCopyCommand({ url: input.target }, input),
 *   verify: ({ target }) => ({ url: target }),
 * };
 * ```
 *
 * @public
 */
export interface CacheTypeInit<Target> {
  /**
   * `custom:` and a name of 1 to 64 lower-case letters, digits and hyphens, as in `cache_type` of the
   * configuration.
   */
  readonly type: CustomCacheType;
  /** Name of the executable that pushes; `check` asks it for its `--version`. */
  readonly tool: string;
  /**
   * Names of the credentials that the tool can use; a source that yields another is refused. Default: none.
   */
  readonly credentialNames?: readonly string[] | undefined;
  /**
   * Schema of a cache's settings, from any library that supports Standard Schema; it must be synchronous. It
   * is the only check of the destination, so accept only what is safe to pass to the tool.
   */
  readonly schema: StandardSchemaV1<unknown, Target>;
  /**
   * Builds the push command. Exit code 0 counts only after the cache has confirmed the paths. The variables
   * of a private home are added: `HOME`, `TMPDIR` and the XDG directories are in the work directory of the
   * run, which is also the current directory.
   */
  readonly build: (input: CacheTypeInput<Target>) => CommandSpec;
  /**
   * Says how the host's Nix asks the cache which paths it has. A cache with a `substituter` is asked there.
   */
  readonly verify: (input: CacheTypeInput<Target>) => NixStoreAccess;
  /**
   * Builds the command that pins the one path of the input, for caches with `after_push`. `pin` is the
   * complete name: printable ASCII without spaces, not beginning with a hyphen. If absent, the type has no
   * pins.
   */
  readonly buildPin?: ((input: CacheTypeInput<Target>, pin: AfterPush) => CommandSpec) | undefined;
  /** Texts of the tool's failures. If none matches, the table of the built-in types applies. */
  readonly texts?: readonly FailureText[] | undefined;
}

/**
 * Defines a cache type of the host, which the configuration file uses like a built-in one.
 *
 * @param init - name, tool, schema and commands of the type
 * @returns the definition; creating a registry with it throws a `TypeError` if the schema is asynchronous
 *
 * @example
 * ```ts
 * const handOver = defineCacheType({
 *   type: "custom:hand-over",
 *   tool: "nix",
 *   schema: v.pipe(v.strictObject({ destination: v.pipe(v.string(), v.startsWith("file:///mnt/")) }), v.transform((s) => s.destination)),
 *   build: (input) => buildNixStoreCopyCommand({ url: input.target }, input),
 *   verify: ({ target }) => ({ url: target }),
 * });
 * await using registry = new CacheRegistry(serverConfig, { cacheTypes: [handOver] });
 * ```
 *
 * @public
 */
export function defineCacheType<Target>(init: CacheTypeInit<Target>): CacheTypeDefinition {
  const { type, tool, schema } = init;
  return {
    type,
    tool,
    bind: ({ text, options }) => {
      const settings: CacheTypeSettings =
        options === undefined ? { destination: text } : { destination: text, options };
      const result = schema["~standard"].validate(settings);
      if ("then" in result)
        throw new TypeError(`The schema of ${type} is asynchronous; use a synchronous one`);
      return result.issues === undefined
        ? { success: true, ...toCacheTool(init, result.value) }
        : { success: false, places: listIssuePlaces(result.issues) };
    },
  };
}

function toCacheTool<Target>(init: CacheTypeInit<Target>, target: Target): CacheTool {
  const { tool, credentialNames = [], texts = [] } = init;
  const toInput = (input: ToolInput): CacheTypeInput<Target> => {
    const { storeDirectory, progress, credentials } = input;
    const storePaths = checkStorePaths(input.storePaths, { storeDirectory });
    refuseUnusedCredentials(credentials.env, credentialNames, tool);
    return { target, storePaths, credentials: credentials.env, storeDirectory, progress };
  };
  const atHome = (command: CommandSpec): CommandSpec => ({
    ...command,
    env: new Map([...privateHome(), ...command.env]),
    failureTexts: [...texts, ...(command.failureTexts ?? [])],
  });
  const { buildPin } = init;
  return {
    tool,
    credentialNames,
    build: (input) => atHome(init.build(toInput(input))),
    buildPin: buildPin && ((input, pin) => atHome(buildPin(toInput(input), pin))),
    access: (input) => init.verify(toInput(input)),
  };
}
