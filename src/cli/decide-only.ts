import type { CacheRegistryOptions } from "../index.ts";

/**
 * Options of a registry that decides and pushes nothing, as the process's own would: it loads no executor.
 */
export const DECIDE_ONLY: CacheRegistryOptions = {
  executor: {
    sharesDisk: true,
    execute: () => Promise.reject(new TypeError("A command that only decides runs nothing")),
  },
};
