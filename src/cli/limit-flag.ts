import { toInteger } from "./to-integer.ts";

/** The flag that bounds a list, for the parser. */
export const LIMIT_FLAG = {
  kind: "parsed",
  parse: toInteger(1, 1_000),
  brief: "Maximum number of lines",
  default: "100",
  placeholder: "number",
} as const;
