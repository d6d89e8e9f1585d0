/**
 * Where a cache's credentials come from. The literals are those of the configuration file.
 *
 * @example
 * ```ts
 * const isOnDisk = (source: CredentialSource) => source.type === "file" || source.type === "systemd-credential";
 * ```
 *
 * @public
 */
export type CredentialSource =
  | EnvSource
  | FileSource
  | AwsProfileSource
  | CachixTokenSource
  | VaultSource
  | AwsSecretsManagerSource
  | SystemdCredentialSource
  | InstanceMetadataSource
  | NoneSource
  | CustomSource;

/**
 * Named variables of the host's environment.
 *
 * @example
 * ```ts
 * const source: EnvSource = { type: "env", vars: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] };
 * ```
 *
 * @public
 */
export interface EnvSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "env";
  /** Names of the variables, at least one. */
  readonly vars: readonly string[];
}

/**
 * A file of `KEY=VALUE` lines.
 *
 * @example
 * ```ts
 * const source: FileSource = { type: "file", path: "/etc/eka-ci/cache-credentials", filePermissions: "strict" };
 * ```
 *
 * @public
 */
export interface FileSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "file";
  /** Absolute path. */
  readonly path: string;
  /** `strict` (the default) refuses files that others can read or change; `off` accepts them. */
  readonly filePermissions: "strict" | "off";
}

/**
 * A profile of the shared AWS configuration and credentials files.
 *
 * @example
 * ```ts
 * const source: AwsProfileSource = { type: "aws-profile", profile: "production" };
 * ```
 *
 * @public
 */
export interface AwsProfileSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "aws-profile";
  /** Name of the profile. */
  readonly profile: string;
}

/**
 * A Cachix auth token in a variable of the host's environment.
 *
 * @example
 * ```ts
 * const source: CachixTokenSource = { type: "cachix-token", envVar: "CACHIX_AUTH_TOKEN" };
 * ```
 *
 * @public
 */
export interface CachixTokenSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "cachix-token";
  /** Name of the variable. */
  readonly envVar: string;
}

/**
 * A secret in HashiCorp Vault.
 *
 * @example
 * ```ts
 * const source: VaultSource = {
 *   type: "vault",
 *   address: "https://vault.example.com:8200",
 *   secretPath: "secret/data/eka-ci/s3-cache",
 *   tokenEnv: "VAULT_TOKEN",
 * };
 * ```
 *
 * @public
 */
export interface VaultSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "vault";
  /** The server's address. */
  readonly address: string;
  /** Path of the secret, as the KV engine names it. */
  readonly secretPath: string;
  /** Variable that holds the Vault token; default `VAULT_TOKEN`. */
  readonly tokenEnv: string;
  /** Namespace of Vault Enterprise. */
  readonly namespace?: string | undefined;
}

/**
 * A secret in AWS Secrets Manager.
 *
 * @example
 * ```ts
 * const source: AwsSecretsManagerSource = { type: "aws-secrets-manager", secretName: "eka-ci/s3", region: "us-east-1" };
 * ```
 *
 * @public
 */
export interface AwsSecretsManagerSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "aws-secrets-manager";
  /** Name or ARN of the secret. */
  readonly secretName: string;
  /** AWS region; absent: that of the host's environment. */
  readonly region?: string | undefined;
}

/**
 * A credential that systemd hands to the service.
 *
 * @example
 * ```ts
 * const source: SystemdCredentialSource = { type: "systemd-credential", name: "s3-cache-creds" };
 * ```
 *
 * @public
 */
export interface SystemdCredentialSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "systemd-credential";
  /** Name of the credential. */
  readonly name: string;
}

/**
 * The identity of the cloud machine the server runs on.
 *
 * @example
 * ```ts
 * const source: InstanceMetadataSource = { type: "instance-metadata", roleArn: "arn:aws:iam::123456789012:role/push" };
 * ```
 *
 * @public
 */
export interface InstanceMetadataSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "instance-metadata";
  /** The cloud; absent: it is found out. */
  readonly provider?: CloudProvider | undefined;
  /** AWS role to assume with the identity of a Google Cloud or Azure machine. */
  readonly roleArn?: string | undefined;
  /** Audience of that identity; default on Google Cloud the role, required on Azure. */
  readonly audience?: string | undefined;
  /** Client id of a user-assigned identity on Azure. */
  readonly clientId?: string | undefined;
  /** AWS region whose STS is asked for the role; default `AWS_REGION`, then `AWS_DEFAULT_REGION`, then us-east-1. */
  readonly region?: string | undefined;
}

/**
 * A cloud whose machines have a metadata service.
 *
 * @example
 * ```ts
 * const provider: CloudProvider = "gcp";
 * ```
 *
 * @public
 */
export type CloudProvider = "aws" | "gcp" | "azure";

/**
 * No credentials, stated on purpose.
 *
 * @example
 * ```ts
 * const source: NoneSource = { type: "none" };
 * ```
 *
 * @public
 */
export interface NoneSource {
  /** Discriminates {@link CredentialSource}. */
  readonly type: "none";
}

/**
 * A source that the host defines.
 *
 * @example
 * ```ts
 * const source: CustomSource = { type: "custom:keyring", options: { entry: "cachix" } };
 * ```
 *
 * @public
 */
export interface CustomSource {
  /** Discriminates {@link CredentialSource}: `custom:` and the name of the definition. */
  readonly type: `custom:${string}`;
  /** The table of the configuration, checked by the definition's own schema. */
  readonly options: unknown;
}
