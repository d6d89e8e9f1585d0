/** Flags that every command has. */
export interface CommonFlags {
  readonly config?: string | undefined;
  readonly json: boolean;
}

/** Their description for the parser. */
export const COMMON_FLAGS = {
  config: {
    kind: "parsed",
    parse: String,
    brief: "The server's configuration; default as for the server",
    optional: true,
    placeholder: "file",
  },
  json: { kind: "boolean", brief: "Print the result as JSON", default: false },
} as const;
