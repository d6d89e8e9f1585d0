import type { HostSetup } from "../commands/host-setup.ts";
import type { CacheDefinition } from "../core/cache.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { PushContext } from "./push-context.ts";

/** The query of a cache after a push. */
export interface Verification {
  readonly cache: CacheDefinition;
  readonly credentials: Credentials;
  readonly host: HostSetup;
  /** What `nix --version` prints, if that matters. */
  readonly nixVersion: string | undefined;
  readonly context: PushContext;
  /**
   * What is queried: the paths of a push or their references. For paths, it is checked that the answer comes
   * from the cache itself and that NARs are there. For references, a redirect is accepted.
   */
  readonly subject: "paths" | "references";
}
