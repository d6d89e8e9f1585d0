import type { CachixTokenSource } from "../../core/credential-source.ts";
import type { Runtime } from "../../host/runtime.ts";
import type { CredentialProvider } from "../provider.ts";
import { readVariables } from "./env.ts";

/** One variable of the host's environment, with the name that cachix reads. */
export function createCachixTokenProvider(source: CachixTokenSource, runtime: Runtime): CredentialProvider {
  return async () => {
    const [token] = readVariables([source.envVar], source.type, runtime).values();
    return { env: new Map(token === undefined ? [] : [["CACHIX_AUTH_TOKEN", token]]) };
  };
}
