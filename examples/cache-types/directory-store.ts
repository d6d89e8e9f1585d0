/**
 * A cache type of the host: a directory, to carry paths to a network without a connection. It is confined to
 * a directory that the operator names, and holds a binary cache that any Nix can read with
 * `--from file:///…`:
 *
 * ```toml
 * [[caches]]
 * id = "hand-over"
 * cache_type = "custom:directory"
 * destination = "file:///srv/hand-over/team"
 * credentials = "none"
 * permissions = { allow_all = false, allowed_repos = ["myorg/*"] }
 * ```
 */
import {
  buildNixStoreCopyCommand,
  type CacheTypeDefinition,
  type CacheTypeInput,
  defineCacheType,
  type NixStoreAccess,
} from "@eka-ci/caches";
import * as v from "valibot";

/** Names of plain directories, neither hidden nor `..`. */
const BELOW = /^(?:\/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){1,8}$/u;

/**
 * Creates the type `custom:directory`.
 *
 * @param root - absolute path of the parent directory of all its caches; only the server and root may write
 * there
 */
export function directoryStore(root: string): CacheTypeDefinition {
  const prefix = `file://${root}`;
  const isBelow = (destination: string): boolean =>
    destination.startsWith(prefix) && BELOW.test(destination.slice(prefix.length));
  const toAccess = ({ target }: CacheTypeInput<string>): NixStoreAccess => ({ url: target });
  return defineCacheType({
    type: "custom:directory",
    tool: "nix",
    schema: v.pipe(
      v.strictObject({ destination: v.pipe(v.string(), v.check(isBelow)) }),
      v.transform(({ destination }) => destination),
    ),
    build: (input) => buildNixStoreCopyCommand(toAccess(input), input),
    verify: toAccess,
    texts: [
      { pattern: /No space left on device|Disk quota exceeded/u, means: "busy" },
      { pattern: /Permission denied|Read-only file system/u, means: "misconfigured" },
    ],
  });
}
