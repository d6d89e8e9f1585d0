import { isRecord, type Members } from "../../core/own-member.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";

/** Rules of `promote_from` of one cache that a schema cannot express. */
export function checkPromotion(table: Members, parent: KeyPath): readonly Problem[] {
  const { id, upload, promote_from: rules } = table;
  if (!Array.isArray(rules)) return [];
  const problems: Problem[] = [];
  if (upload === "nix") {
    const message = 'Promotion does not work with upload = "nix", because this process must upload the paths';
    const path = [...parent, "promote_from"];
    problems.push({
      code: "invalid-value",
      severity: "error",
      message,
      path,
      part: "key",
      hint: "Remove upload",
    });
  }
  const seen = new Set<unknown>();
  for (const [index, rule] of rules.entries()) {
    const cache = isRecord(rule) ? rule["cache"] : undefined;
    const path = [...parent, "promote_from", index, "cache"];
    const refuse = (message: string, hint: string): number =>
      problems.push({ code: "invalid-value", severity: "error", message, path, hint });
    if (cache !== undefined && cache === id)
      refuse("A cache cannot be promoted to itself", "Name another cache");
    else if (seen.has(cache))
      refuse("This cache is listed twice, and only one key counts", "Remove one of the two");
    seen.add(cache);
  }
  return problems;
}

/** Caches in `promote_from` that do not exist or cannot be read. */
export function checkPromotionSources(tables: readonly unknown[]): readonly Problem[] {
  // Few files use promotion, so nothing is created unless needed.
  if (!tables.some((table) => isRecord(table) && table["promote_from"] !== undefined)) return [];
  const types = new Map<unknown, unknown>();
  for (const table of tables) if (isRecord(table)) types.set(table["id"], table["cache_type"]);
  return tables.flatMap((table, index) => {
    const rules = isRecord(table) ? table["promote_from"] : undefined;
    if (!Array.isArray(rules)) return [];
    return rules.flatMap((rule: unknown, place): readonly Problem[] => {
      const cache = isRecord(rule) ? rule["cache"] : undefined;
      if (typeof cache !== "string") return [];
      const path = ["caches", index, "promote_from", place, "cache"];
      const problem = (message: string, hint: string): readonly Problem[] => [
        { code: "invalid-value", severity: "error", message, path, hint },
      ];
      if (!types.has(cache))
        return problem("No cache of this file has this id", "Name a cache that is defined here");
      const type = types.get(cache);
      if (typeof type !== "string" || !type.startsWith("custom:")) return [];
      return problem("A cache of a custom type cannot be read as a binary cache", "Name another cache");
    });
  });
}
