import type { LedgerQuery } from "./push-ledger.ts";

/** A condition and its values. The placeholder depends on the database. */
export interface LedgerFilter {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Writes the placeholder of the nth value, from 1. */
export type Mark = (place: number) => string;

type Value = string | number;

/** The conditions of a query of the table of entries, the same for both databases. */
export function toFilter(query: Omit<LedgerQuery, "limit">, mark: Mark): LedgerFilter {
  const values: Value[] = [];
  const add = toAdder(values, mark);
  const conditions = toColumns("entry", query, add);
  const { outcomes, before } = query;
  if (before !== undefined) conditions.push(`entry.number < ${add(before.position)}`);
  if (outcomes !== undefined)
    conditions.push(outcomes.length === 0 ? "1 = 0" : `entry.outcome IN (${outcomes.map(add).join(", ")})`);
  return { sql: ["1 = 1", ...conditions].join(" AND "), values };
}

/**
 * The conditions of what is owed: the last matching entry is not a success, and nobody has pushed the path
 * there.
 *
 * @param table - its quoted name
 */
export function toOwedFilter(
  query: Omit<LedgerQuery, "limit" | "outcomes">,
  table: string,
  mark: Mark,
): LedgerFilter {
  const { sql, values: first } = toFilter(query, mark);
  const values: Value[] = [...first];
  const add = toAdder(values, mark);
  const later = [
    "other.number > entry.number",
    ...toColumns("other", { ...query, storePath: undefined, cacheId: undefined }, add),
  ];
  const same = "other.store_path = entry.store_path AND other.cache_id = entry.cache_id";
  const isThere = "other.outcome IN ('pushed', 'upstream')";
  const others = `SELECT 1 FROM ${table} AS other WHERE ${same} AND (${isThere} OR (${later.join(" AND ")}))`;
  return { sql: `${sql} AND entry.is_good = 0 AND NOT EXISTS (${others})`, values };
}

function toAdder(values: Value[], mark: Mark): (value: Value) => string {
  return (value) => {
    values.push(value);
    return mark(values.length);
  };
}

function toColumns(
  table: string,
  { storePath, cacheId, repository, job }: Omit<LedgerQuery, "limit">,
  add: (value: Value) => string,
): string[] {
  const columns: readonly (readonly [string, string | undefined])[] = [
    ["store_path", storePath],
    ["cache_id", cacheId],
    ["repository", repository],
    ["job", job],
  ];
  return columns.flatMap(([column, value]) =>
    value === undefined ? [] : [`${table}.${column} = ${add(value)}`],
  );
}
