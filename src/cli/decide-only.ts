import type { CacheRegistryOptions } from "../index.ts";

/**
 * Options of a registry that only decides: it loads no executor.
 */
export const DECIDE_ONLY: CacheRegistryOptions = {
  executor: {
    sharesDisk: true,
    execute: () => Promise.reject(new TypeError("A command that only decides runs nothing")),
  },
};
