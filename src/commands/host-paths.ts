/**
 * Where the host's shared AWS files are.
 *
 * @public
 */
export interface AwsFilePaths {
  /** Absolute path of the credentials file. */
  readonly credentials: string;
  /** Absolute path of the configuration file. */
  readonly config: string;
}

/** Where a cache's commands find what belongs to the host. */
export interface HostPaths {
  readonly storeDirectory: string | undefined;
  readonly awsFiles: AwsFilePaths;
}
