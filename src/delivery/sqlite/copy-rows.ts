import { upgradeRequest } from "../stored-request.ts";
import type { Database, Row, Value } from "./sqlite-module.ts";

/**
 * The columns that a delivery needs. Leases, times of the journal and the order of lanes start anew.
 */
const COLUMNS = [
  ...[
    "number",
    "id",
    "ticket_id",
    "cache_id",
    "store_id",
    "repository",
    "request",
    "context",
    "attempts",
    "crashes",
  ],
  ...["progress", "result", "is_told", "buried_at", "code", "message"],
] as const;

/**
 * Creates a function that copies rows of `delivery`, of this or an earlier version, into the tables of this
 * version. It throws for a row that does not fit.
 *
 * @param now - the journal's time; the times of the earlier file are of another clock
 */
export function createRowCopier(database: Database, now: number): (row: Row) => void {
  const marks = COLUMNS.map(() => "?").join(", ");
  const insert = database.prepare(
    `INSERT INTO delivery (${COLUMNS.join(", ")}, accepted_at, ready_at, settled_at) VALUES (${marks}, ?, ?, ?)`,
  );
  const addLane = database.prepare("INSERT OR IGNORE INTO lane VALUES (?, 0)");
  return (earlier) => {
    const row = "store_id" in earlier ? earlier : upgradeRow(earlier);
    const isSettled = toValue(row["settled_at"]) !== null;
    insert.run(...COLUMNS.map((column) => toValue(row[column])), now, now, isSettled ? now : null);
    addLane.run(toValue(row["cache_id"]));
  };
}

/** A row of version 0.1, which knew one store, and kept no outcomes. */
function upgradeRow(row: Row): Row {
  const { text, repository } = upgradeRequest(String(row["request"]), String(row["cache_id"]));
  return {
    ...row,
    ...{ store_id: "local", repository, request: text, attempts: 0, crashes: 0, is_told: 1 },
    settled_at: row["buried_at"],
  };
}

function toValue(value: unknown): Value {
  return typeof value === "string" || typeof value === "number" ? value : null;
}
