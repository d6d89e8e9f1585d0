import { isDeepStrictEqual } from "node:util";
import type { ServerConfig } from "../config/server-model.ts";
import { callListener } from "../core/call-listener.ts";
import { createNodeRuntime } from "../host/runtime.ts";
import { type AnyCachesError, isCachesError } from "./any-error.ts";
import { CacheRegistry, type CacheRegistryLoadOptions } from "./cache-registry.ts";

/**
 * Options of {@link createReloadingRegistry}.
 *
 * @example
 * ```ts
 * const options: ReloadingRegistryOptions = {
 *   onReload: (reload) => {
 *     if (reload.status === "failed") log(`The old configuration stays: ${reload.error.message}`);
 *   },
 * };
 * ```
 *
 * @public
 */
export interface ReloadingRegistryOptions extends CacheRegistryLoadOptions {
  /** Called after each reload with its result. */
  readonly onReload?: ((reload: RegistryReload) => void) | undefined;
}

/**
 * The result of reading the file again.
 *
 * @public
 */
export type RegistryReload =
  | { readonly status: "unchanged" }
  | { readonly status: "reloaded"; readonly changes: ConfigChanges }
  | {
      /** The file does not load; everything stays as it was. */
      readonly status: "failed";
      /** Why. */
      readonly error: AnyCachesError;
    };

/**
 * How a configuration differs from the previous one.
 *
 * @public
 */
export interface ConfigChanges {
  /** Ids of new caches. */
  readonly added: readonly string[];
  /** Ids of removed caches. Deliveries that wait for them are denied. */
  readonly removed: readonly string[];
  /** Ids of caches with any change. */
  readonly changed: readonly string[];
  /** Whether the `[security]` table changed. */
  readonly isSecurityChanged: boolean;
}

/**
 * A registry that follows its file. Each reload creates a new registry, and the old one ends when its pushes
 * have ended. Disposing it aborts all pushes, including those of older registries.
 *
 * @public
 */
export interface ReloadingRegistry extends AsyncDisposable {
  /**
   * The current registry. Read it each time; give a queue the function `() => reloading.current`.
   */
  readonly current: CacheRegistry;
  /**
   * Reads the file again. A call while another one runs reads it once more afterwards.
   */
  reload(): Promise<RegistryReload>;
}

/**
 * Creates a registry that can reload the server's configuration file without disturbing running or waiting
 * pushes. Running pushes finish with the old policy and credentials; later ones use the new ones. A file that
 * does not load changes nothing.
 *
 * Each registry gets the audit sinks. A listener added by {@link CacheRegistry.subscribe} stays with its
 * registry.
 *
 * @param path - path or `file:` URL; default as for {@link loadServerConfig}
 * @param options - as for {@link CacheRegistry.load}, and a listener for reloads
 * @throws {@link ConfigError} `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID`, for
 * the first reading
 *
 * @example
 * ```ts
 * await using reloading = await createReloadingRegistry("/etc/eka-ci/ekaci.toml");
 * await using queue = new PushQueue(() => reloading.current);
 * process.on("SIGHUP", () => void reloading.reload());
 * ```
 *
 * @public
 */
export async function createReloadingRegistry(
  path?: string | URL,
  options: ReloadingRegistryOptions = {},
): Promise<ReloadingRegistry> {
  const load = (): Promise<CacheRegistry> => CacheRegistry.load(path, options);
  return new FileRegistry(await load(), load, options);
}

class FileRegistry implements ReloadingRegistry {
  readonly #load: () => Promise<CacheRegistry>;
  readonly #options: ReloadingRegistryOptions;
  /** Registries whose pushes have not ended. */
  readonly #former = new Set<CacheRegistry>();
  #current: CacheRegistry;
  #last: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  constructor(current: CacheRegistry, load: () => Promise<CacheRegistry>, options: ReloadingRegistryOptions) {
    this.#current = current;
    this.#load = load;
    this.#options = options;
  }

  get current(): CacheRegistry {
    return this.#current;
  }

  reload(): Promise<RegistryReload> {
    const reload = this.#last.then(() => this.#reload());
    this.#last = reload.catch(() => undefined);
    return reload;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#last;
    const registries = [this.#current, ...this.#former];
    await Promise.all(registries.map((registry) => registry[Symbol.asyncDispose]()));
  }

  async #reload(): Promise<RegistryReload> {
    const reload = await this.#readAnew();
    const { onReload, runtime } = this.#options;
    const { warn } = createNodeRuntime(runtime);
    if (onReload !== undefined) callListener(onReload, reload, () => warn("The onReload callback failed"));
    return reload;
  }

  async #readAnew(): Promise<RegistryReload> {
    if (this.#isDisposed) return { status: "unchanged" };
    let next: CacheRegistry;
    try {
      next = await this.#load();
    } catch (error) {
      if (!isCachesError(error)) throw error;
      return { status: "failed", error };
    }
    const changes = findChanges(this.#current.config, next.config);
    if (changes === undefined) {
      await next.retire();
      return { status: "unchanged" };
    }
    const former = this.#current;
    this.#current = next;
    this.#former.add(former);
    void former.retire().then(() => this.#former.delete(former));
    return { status: "reloaded", changes };
  }
}

/** The changes; nothing if there are none. The order of caches does not matter. */
function findChanges(former: ServerConfig, next: ServerConfig): ConfigChanges | undefined {
  const before = new Map(former.caches.map((cache) => [cache.id, cache]));
  const after = new Map(next.caches.map((cache) => [cache.id, cache]));
  const added = [...after.keys()].filter((id) => !before.has(id));
  const removed = [...before.keys()].filter((id) => !after.has(id));
  const changed = [...after].flatMap(([id, cache]) =>
    before.has(id) && !isDeepStrictEqual(before.get(id), cache) ? [id] : [],
  );
  const isSecurityChanged = !isDeepStrictEqual(former.security, next.security);
  const isSame = added.length + removed.length + changed.length === 0 && !isSecurityChanged;
  return isSame ? undefined : { added, removed, changed, isSecurityChanged };
}
