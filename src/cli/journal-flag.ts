/** The flag that names a journal, for the parser. */
export const JOURNAL_FLAG = {
  kind: "parsed",
  parse: String,
  brief: "The journal: a file, or the URL of a PostgreSQL server",
  placeholder: "file|url",
} as const;
