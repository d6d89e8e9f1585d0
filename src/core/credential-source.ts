/**
 * Where a cache's credentials come from. The literals are those of the configuration file.
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
 * @public
 */
export interface EnvSource {
  readonly type: "env";
  /** Names of the variables, at least one. */
  readonly vars: readonly string[];
}

/**
 * A file of `KEY=VALUE` lines.
 *
 * @public
 */
export interface FileSource {
  readonly type: "file";
  /** Absolute path. */
  readonly path: string;
  /** `strict` (the default) refuses files that others can read or change; `off` accepts them. */
  readonly filePermissions: "strict" | "off";
}

/**
 * A profile of the shared AWS configuration and credentials files.
 *
 * @public
 */
export interface AwsProfileSource {
  readonly type: "aws-profile";
  /** Name of the profile. */
  readonly profile: string;
}

/**
 * A Cachix auth token in a variable of the host's environment.
 *
 * @public
 */
export interface CachixTokenSource {
  readonly type: "cachix-token";
  /** Name of the variable. */
  readonly envVar: string;
}

/**
 * A secret in HashiCorp Vault.
 *
 * @public
 */
export interface VaultSource {
  readonly type: "vault";
  /** The server's address. */
  readonly address: string;
  /** Path of the secret, as the KV engine names it. */
  readonly secretPath: string;
  /**
   * Variable that holds the Vault token; default `VAULT_TOKEN`. Ignored if there is a `tokenFile` or an
   * `auth`.
   */
  readonly tokenEnv: string;
  /**
   * Absolute path of the file that holds the Vault token, as Vault Agent writes it. It is read again for each
   * request.
   */
  readonly tokenFile?: string | undefined;
  /** How the host logs in. If absent, it uses a token. */
  readonly auth?: VaultAuth | undefined;
  /** Namespace of Vault Enterprise. */
  readonly namespace?: string | undefined;
  /** Name that the server's certificate must carry; default the host of the address. */
  readonly tlsServerName?: string | undefined;
}

/**
 * How a host logs in to Vault, https://developer.hashicorp.com/vault/docs/auth.
 *
 * @public
 */
export type VaultAuth = VaultAppRoleAuth | VaultKubernetesAuth | VaultJwtAuth;

/**
 * A login by AppRole.
 *
 * @public
 */
export interface VaultAppRoleAuth {
  readonly method: "approle";
  /** The role's id. */
  readonly roleId: string;
  /**
   * Variable that holds the secret ID; default `VAULT_SECRET_ID`. Ignored if there is a `secretIdFile`.
   */
  readonly secretIdEnv: string;
  /** Absolute path of the file that holds the secret ID. It is read again for each login. */
  readonly secretIdFile?: string | undefined;
  /** Where the method is mounted below `auth/`; default `approle`. */
  readonly mount: string;
}

/**
 * A login by the service account of a pod.
 *
 * @public
 */
export interface VaultKubernetesAuth {
  readonly method: "kubernetes";
  /** Name of the role. */
  readonly role: string;
  /**
   * Absolute path of the account's token; default where Kubernetes mounts it. It is read again for each
   * login.
   */
  readonly tokenFile: string;
  /** Where the method is mounted below `auth/`; default `kubernetes`. */
  readonly mount: string;
}

/**
 * A login by a token of another issuer.
 *
 * @public
 */
export interface VaultJwtAuth {
  readonly method: "jwt";
  /** Name of the role. */
  readonly role: string;
  /** Variable that holds the token; default `VAULT_JWT`. Ignored if there is a `tokenFile`. */
  readonly tokenEnv: string;
  /** Absolute path of the file that holds the token. It is read again for each login. */
  readonly tokenFile?: string | undefined;
  /** Where the method is mounted below `auth/`; default `jwt`. */
  readonly mount: string;
}

/**
 * A secret in AWS Secrets Manager.
 *
 * @public
 */
export interface AwsSecretsManagerSource {
  readonly type: "aws-secrets-manager";
  /** Name or ARN of the secret. */
  readonly secretName: string;
  /** AWS region; default that of the host's environment. */
  readonly region?: string | undefined;
}

/**
 * A credential that systemd passes to the service.
 *
 * @public
 */
export interface SystemdCredentialSource {
  readonly type: "systemd-credential";
  /** Name of the credential. */
  readonly name: string;
}

/**
 * The identity of the cloud machine that the server runs on.
 *
 * @public
 */
export interface InstanceMetadataSource {
  readonly type: "instance-metadata";
  /** The cloud. If absent, it is detected. */
  readonly provider?: CloudProvider | undefined;
  /** AWS role to assume with the identity of a Google Cloud or Azure machine. */
  readonly roleArn?: string | undefined;
  /** Audience of that identity. On Google Cloud it defaults to the role; on Azure it is required. */
  readonly audience?: string | undefined;
  /** Client id of a user-assigned identity on Azure. */
  readonly clientId?: string | undefined;
  /**
   * AWS region whose STS is asked for the role; default `AWS_REGION`, then `AWS_DEFAULT_REGION`, then
   * us-east-1.
   */
  readonly region?: string | undefined;
}

/**
 * A cloud whose machines have a metadata service.
 *
 * @public
 */
export type CloudProvider = "aws" | "gcp" | "azure";

/**
 * Explicitly no credentials.
 *
 * @public
 */
export interface NoneSource {
  readonly type: "none";
}

/**
 * A source that the host defines.
 *
 * @public
 */
export interface CustomSource {
  /** Discriminates {@link CredentialSource}: `custom:` and the name of the definition. */
  readonly type: `custom:${string}`;
  /** The table of the configuration, checked by the definition's own schema. */
  readonly options: unknown;
}

/**
 * The region in the ARN of a secret
 * (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html).
 */
export function findSecretRegion(secretName: string): string | undefined {
  return /^arn:aws[a-z-]*:secretsmanager:([a-z]{2}[a-z0-9-]{1,30}):/u.exec(secretName)?.[1];
}
