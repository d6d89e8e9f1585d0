import type { CacheTypeDefinition } from "./cache-tool.ts";
import type { AwsFilePaths } from "./tool-input.ts";

/** Properties of the host that commands depend on. */
export interface HostSetup {
  readonly storeDirectory: string | undefined;
  readonly awsFiles: AwsFilePaths;
  /** The cache types of the host. */
  readonly cacheTypes: readonly CacheTypeDefinition[];
}
