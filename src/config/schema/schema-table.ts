import * as v from "valibot";

/** A table with known keys only, none of them inherited. */
export function table<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.StrictObjectSchema<Entries, undefined> {
  return v.strictObject(withoutPrototype(entries));
}

/** A table in which only these keys are ours. */
export function openTable<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.ObjectSchema<Entries, undefined> {
  return v.object(withoutPrototype(entries));
}

/** A table whose other keys are checked elsewhere. */
export function sourceTable<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.LooseObjectSchema<Entries, undefined> {
  return v.looseObject(withoutPrototype(entries));
}

type Described<Schema extends v.GenericSchema, Input> = v.OptionalSchema<
  v.SchemaWithPipe<
    readonly [Schema, v.DescriptionAction<Input, string>, v.ExamplesAction<Input, readonly Input[]>]
  >,
  undefined
>;

/** `true` or `false`, or absent. */
export function flag(description: string, example: boolean): Described<v.BooleanSchema<undefined>, boolean> {
  return v.optional(v.pipe(v.boolean(), v.description(description), v.examples([example])));
}

/** A list of patterns, or absent. */
export function patterns(
  description: string,
  example: string[],
): Described<v.ArraySchema<v.StringSchema<undefined>, undefined>, string[]> {
  return v.optional(v.pipe(v.array(v.string()), v.description(description), v.examples([example])));
}

// valibot tests `key in entries`; with a prototype, `constructor` would be a known key.
function withoutPrototype<Entries extends v.ObjectEntries>(entries: Entries): Entries {
  return Object.setPrototypeOf({ ...entries }, null);
}
