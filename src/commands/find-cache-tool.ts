import { type CacheDestination, type CustomDestination, toCachixAddress } from "../core/cache.ts";
import { CommandError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import { buildAtticPushCommand } from "./attic.ts";
import type { CacheTool, CacheTypeDefinition } from "./cache-tool.ts";
import { buildCachixPinCommand, buildCachixPushCommand } from "./cachix.ts";
import { buildNixCopyCommand } from "./nix-copy.ts";
import { buildHttpAccess, buildS3Access, buildTokenAccess } from "./store-access.ts";

/**
 * Finds the tool of a destination. The caches of Cachix and Attic are HTTP binary caches to nix, where their
 * tokens are passwords.
 *
 * @throws {@link CommandError} `ERR_COMMAND_INVALID` for a custom type that is not among `cacheTypes`, or
 * whose schema refuses the destination
 */
export function findCacheTool(
  destination: CacheDestination,
  cacheTypes: readonly CacheTypeDefinition[] | undefined,
): CacheTool {
  switch (destination.type) {
    case "s3":
      return {
        tool: "nix",
        credentialNames: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        build: (input) => buildNixCopyCommand({ ...input, destination }),
        access: (input) => buildS3Access(destination, input),
      };
    case "http":
      return {
        tool: "nix",
        credentialNames: ["HTTP_PASSWORD"],
        build: (input) => buildNixCopyCommand({ ...input, destination }),
        access: (input) => buildHttpAccess(destination, input),
      };
    case "cachix":
      return {
        tool: "cachix",
        credentialNames: ["CACHIX_AUTH_TOKEN"],
        build: (input) => buildCachixPushCommand({ ...input, destination }),
        buildPin: (input, pin) => buildCachixPinCommand({ ...input, destination }, pin),
        access: ({ credentials: { env } }) =>
          buildTokenAccess(toCachixAddress(destination), env.get("CACHIX_AUTH_TOKEN")),
      };
    case "attic":
      return {
        tool: "attic",
        credentialNames: ["ATTIC_TOKEN"],
        build: (input) => buildAtticPushCommand({ ...input, destination }),
        access: ({ credentials: { env } }) => buildTokenAccess(destination.url, env.get("ATTIC_TOKEN")),
      };
    case "custom":
      return bind(destination, cacheTypes);
  }
}

function bind(
  destination: CustomDestination,
  cacheTypes: readonly CacheTypeDefinition[] | undefined,
): CacheTool {
  const name = quoteName(destination.cacheType);
  const definition = cacheTypes?.find(({ type }) => type === destination.cacheType);
  if (definition === undefined) throw unknownType(`The cache type ${name} is not among cacheTypes`);
  const bound = definition.bind(destination);
  if (bound.success) return bound;
  throw unknownType(`The cache type ${name} refuses the settings at ${bound.places}`);
}

function unknownType(message: string): CommandError {
  return new CommandError("ERR_COMMAND_INVALID", message);
}
