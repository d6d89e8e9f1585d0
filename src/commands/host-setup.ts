import type { CacheTypeDefinition } from "./cache-tool.ts";
import type { AwsFilePaths } from "./tool-input.ts";

/** What belongs to the host, and a cache's commands depend on. */
export interface HostSetup {
  readonly storeDirectory: string | undefined;
  readonly awsFiles: AwsFilePaths;
  /** The cache types of the host's own. */
  readonly cacheTypes: readonly CacheTypeDefinition[];
}
