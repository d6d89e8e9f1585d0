import type { LedgerQuery } from "./push-ledger.ts";

/** A condition and its values; how a value is marked depends on the database. */
export interface LedgerFilter {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** The conditions of a query on the table of entries, which both databases write alike. `mark` writes the place of the nth value, from 1. */
export function toFilter(query: Omit<LedgerQuery, "limit">, mark: (place: number) => string): LedgerFilter {
  const { storePath, cacheId, repository, job, outcomes, before } = query;
  const columns: readonly (readonly [string, string | undefined])[] = [
    ["store_path", storePath],
    ["cache_id", cacheId],
    ["repository", repository],
    ["job", job],
  ];
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const add = (value: string | number): string => {
    values.push(value);
    return mark(values.length);
  };
  for (const [column, value] of columns)
    if (value !== undefined) conditions.push(`entry.${column} = ${add(value)}`);
  if (before !== undefined) conditions.push(`entry.number < ${add(before.position)}`);
  if (outcomes !== undefined)
    conditions.push(outcomes.length === 0 ? "1 = 0" : `entry.outcome IN (${outcomes.map(add).join(", ")})`);
  return { sql: conditions.length === 0 ? "1 = 1" : conditions.join(" AND "), values };
}

/** The condition of what is owed: nothing good of the path at that cache, and nothing later. @param table - its quoted name */
export function toOwed(table: string): string {
  return `NOT EXISTS (SELECT 1 FROM ${table} AS other WHERE other.store_path = entry.store_path
    AND other.cache_id = entry.cache_id AND (other.is_good = 1 OR other.number > entry.number))`;
}
