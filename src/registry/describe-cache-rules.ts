import type { AfterPush, CacheDefinition } from "../core/cache.ts";

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
const list = (texts: readonly string[]): string => texts.map((text) => `"${text}"`).join(", ");

/**
 * The text of the rule about upstream caches: a direct upload leaves out references, too.
 */
const REFERENCES: Readonly<Record<"direct" | "tool", string>> = {
  direct: ", including references of pushed paths",
  tool: "; references of pushed paths are left to the tool",
};

/**
 * Describes what the rules of a cache leave out, refuse and tolerate: one line for each rule.
 *
 * @param cache - a cache of a configuration
 * @param way - whether this process (`direct`) or a tool uploads the paths; default `tool`
 *
 * @example
 * ```ts
 * for (const cache of registry.config.caches)
 *   for (const line of describeCacheRules(cache)) log(`${cache.id}: ${line}`);
 * // team: leaves out names that match "*-source", "*.iso" (exclude)
 * ```
 *
 * @public
 */
export function describeCacheRules(
  cache: CacheDefinition,
  way: "direct" | "tool" = "tool",
): readonly string[] {
  const { exclude, maxNarBytes, upstreamCaches, denyPaths, maxClosureBytes, maxPaths, onFailure } = cache;
  const { signingKey, requireSignature, trustedPublicKeys, afterPush, promoteFrom = [] } = cache;
  const lines = [
    exclude && `leaves out names that match ${list(exclude)} (exclude)`,
    maxNarBytes && `leaves out paths whose NAR has more than ${maxNarBytes} bytes (max_nar_size)`,
    upstreamCaches && `leaves out paths of ${list(upstreamCaches)}${REFERENCES[way]} (upstream_caches)`,
    denyPaths && `refuses a closure with a name that matches ${list(denyPaths)} (deny_paths)`,
    maxClosureBytes && `refuses a closure of more than ${maxClosureBytes} bytes (max_closure_size)`,
    maxPaths && `refuses a closure of more than ${count(maxPaths, "path")} (max_paths)`,
    signingKey && `signs what is pushed with a key from ${signingKey.type} (signing_key)`,
    requireSignature && `requires a signature by ${requireSignature} (require_signature)`,
    trustedPublicKeys &&
      `verifies signatures by ${count(trustedPublicKeys.length, "key")} (trusted_public_keys)`,
    afterPush &&
      `pins what branches and tags push as ${afterPush.pin}${describeKept(afterPush)} (after_push)`,
    ...promoteFrom.map(({ cache: from, requireSignature: key }) => {
      return `accepts paths of the cache "${from}" that ${key.split(":")[0]} has signed (promote_from)`;
    }),
    onFailure === "warn" && "tolerates a failure (on_failure)",
  ];
  return lines.filter((line) => typeof line === "string");
}

function describeKept({ keepRevisions, keepDays }: AfterPush): string {
  if (keepRevisions !== undefined) return `, and keeps ${count(keepRevisions, "revision")}`;
  return keepDays === undefined ? "" : `, and keeps revisions for ${count(keepDays, "day")}`;
}
