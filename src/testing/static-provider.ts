import { Secret } from "../core/secret.ts";
import type { CredentialProvider } from "../credentials/provider.ts";

/**
 * Creates a provider that always returns the same values.
 *
 * @param values - values by name of the environment variable
 * @param options - when the credentials expire; default never
 *
 * @example
 * ```ts
 * const provider = createStaticProvider({ CACHIX_AUTH_TOKEN: "token" });
 * const source = defineCredentialSource({ type: "custom:static", schema: v.unknown(), create: () => provider });
 * ```
 *
 * @public
 */
export function createStaticProvider(
  values: Readonly<Record<string, string>>,
  options: {
    /** When the credentials expire. */
    readonly expiration?: Date | undefined;
  } = {},
): CredentialProvider {
  const { expiration } = options;
  return async () => ({
    env: new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)])),
    expiration,
  });
}
