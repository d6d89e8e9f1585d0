import type { CacheDestination } from "../core/cache.ts";
import { showCredentialName } from "../core/environment-name.ts";
import { CommandError } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import type { CacheTypeDefinition } from "./cache-tool.ts";
import type { ToolInput } from "./tool-input.ts";

/**
 * What a push command is built from.
 *
 * @example
 * ```ts
 * const input: PushCommandInput = { destination, storePaths, credentials: { env: new Map([["HTTP_PASSWORD", new Secret("…")]]) } };
 * ```
 *
 * @public
 */
export interface PushCommandInput<Destination extends CacheDestination = CacheDestination> extends ToolInput {
  /** Where the paths are pushed to. */
  readonly destination: Destination;
  /** The cache types of the host; needed for a destination of one of them. */
  readonly cacheTypes?: readonly CacheTypeDefinition[] | undefined;
}

/**
 * Refuses credentials that a tool would ignore. The push would fail without them, or run with another
 * identity.
 *
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export function refuseUnusedCredentials(
  env: ReadonlyMap<string, Secret>,
  usable: readonly string[],
  tool: string,
): void {
  const unused = [...env.keys()].filter((name) => !usable.includes(name));
  if (unused.length === 0) return;
  const names = unused.map(showCredentialName).join(", ");
  throw credentialProblem(`${tool} would ignore ${names}; it can use ${usable.join(", ")}`);
}

/** A problem with credentials that is found before the push. */
export function credentialProblem(message: string): CommandError {
  return new CommandError("ERR_COMMAND_CREDENTIALS", message);
}
