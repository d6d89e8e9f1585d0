import type { HostSetup } from "../commands/host-setup.ts";
import type { CacheDefinition } from "../core/cache.ts";
import type { Credentials } from "../credentials/provider.ts";
import type { PushContext } from "./push-context.ts";

/** What is asked of a cache after a push. */
export interface Verification {
  readonly cache: CacheDefinition;
  readonly credentials: Credentials;
  readonly host: HostSetup;
  /** What `nix --version` prints, where that matters. */
  readonly nixVersion: string | undefined;
  readonly context: PushContext;
  /**
   * What is asked for: the paths of a push, where it is looked at whether an answer comes from the cache
   * itself and whether NARs are there, or what they refer to, which a reader may be sent elsewhere for.
   */
  readonly subject: "paths" | "references";
}
