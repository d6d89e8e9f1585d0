import * as v from "valibot";
import { coded } from "./schema-issues.ts";

/** A whole number between bounds. */
export const wholeNumber = (least: number, most: number) => {
  const outside = coded("invalid-value", `Expected a number from ${least} to ${most}`);
  return v.pipe(
    v.number(),
    v.integer(coded("invalid-type", "Expected an integer")),
    v.minValue(least, outside),
    v.maxValue(most, outside),
  );
};
