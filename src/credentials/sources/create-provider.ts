import type { CredentialSource, CustomSource } from "../../core/credential-source.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { CredentialProvider, CredentialSourceDefinition } from "../provider.ts";
import { createAwsProfileProvider } from "./aws-profile.ts";
import { createAwsSecretsManagerProvider } from "./aws-secrets-manager.ts";
import { createCachixTokenProvider } from "./cachix-token.ts";
import { createCustomProvider } from "./custom.ts";
import { createEnvProvider } from "./env.ts";
import { createFileProvider } from "./file.ts";
import { createInstanceMetadataProvider } from "./instance-metadata/instance-metadata.ts";
import { createNoneProvider } from "./none.ts";
import { createSystemdCredentialProvider } from "./systemd-credential.ts";
import { createVaultProvider } from "./vault.ts";

function isCustom(source: CredentialSource): source is CustomSource {
  return source.type.startsWith("custom:");
}

/** Creates the provider of a source. */
export function createProvider(
  source: CredentialSource,
  definitions: ReadonlyMap<string, CredentialSourceDefinition>,
  runtime: Runtime,
): CredentialProvider {
  if (isCustom(source)) return createCustomProvider(source, definitions.get(source.type), runtime);
  switch (source.type) {
    case "env":
      return createEnvProvider(source, runtime);
    case "file":
      return createFileProvider(source, runtime);
    case "aws-profile":
      return createAwsProfileProvider(source, runtime);
    case "cachix-token":
      return createCachixTokenProvider(source, runtime);
    case "systemd-credential":
      return createSystemdCredentialProvider(source, runtime);
    case "none":
      return createNoneProvider();
    case "vault":
      return createVaultProvider(source, runtime);
    case "aws-secrets-manager":
      return createAwsSecretsManagerProvider(source, runtime);
    case "instance-metadata":
      return createInstanceMetadataProvider(source, runtime);
  }
}
