/** The flag that names a ledger, for the parser. */
export const LEDGER_FLAG = {
  kind: "parsed",
  parse: String,
  brief: "The ledger: a file of its own, or the URL of a PostgreSQL server",
  placeholder: "file|url",
} as const;
