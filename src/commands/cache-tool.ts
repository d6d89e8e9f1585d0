import type { AfterPush, CustomCacheType, CustomDestination } from "../core/cache.ts";
import type { CommandSpec } from "./command.ts";
import type { NixStoreAccess } from "./nix-store-access.ts";
import type { ToolInput } from "./tool-input.ts";

/**
 * The tool of a cache: what pushes to it, and how Nix asks it.
 *
 * @public
 */
export interface CacheTool {
  /** Name of the executable that pushes. */
  readonly tool: string;
  /** Names of the credentials that a source most likely yields for it. */
  readonly credentialNames: readonly string[];
  /** Builds the push. */
  readonly build: (input: ToolInput) => CommandSpec;
  /**
   * Builds the command that pins the one path of the input; absent if the tool has no pins. `pin` is the
   * complete name.
   */
  readonly buildPin?: ((input: ToolInput, pin: AfterPush) => CommandSpec) | undefined;
  /** Says how Nix reaches the cache as a store. */
  readonly access: (input: ToolInput) => NixStoreAccess;
}

/**
 * A cache type of the host, for {@link CacheRegistryOptions.cacheTypes}. Created by {@link defineCacheType}.
 *
 * @public
 */
export interface CacheTypeDefinition {
  /** The type's name in the configuration. */
  readonly type: CustomCacheType;
  /** Name of the executable that pushes. */
  readonly tool: string;
  /** Reads a destination by the type's schema. */
  readonly bind: (destination: CustomDestination) => BoundCacheType;
}

/**
 * A destination of a custom type that was read, or the places in its settings that the schema refused.
 *
 * @public
 */
export type BoundCacheType =
  | ({ readonly success: true } & CacheTool)
  | { readonly success: false; readonly places: string };
