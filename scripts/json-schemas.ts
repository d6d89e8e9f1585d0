// Makes the JSON Schemas of both files out of the schemas that the parsers use. `npm run schema:update`
// writes them.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { repositorySchema } from "../src/config/schema/repository-schema.ts";
import { serverSchema } from "../src/config/schema/server-schema.ts";
import { CUSTOM_NAME } from "../src/core/cache.ts";

const ROOT = new URL("../", import.meta.url);

/** The schemas by their place in the package. */
export function createJsonSchemas(): ReadonlyMap<string, string> {
  return new Map([
    ["schema/ekaci.json", write("EKA-CI server configuration: caches", serverSchema)],
    ["schema/repository.json", write("EKA-CI repository configuration: caches", repositorySchema)],
  ]);
}

function write(title: string, schema: v.GenericSchema): string {
  const { $schema, ...rest } = toJsonSchema(schema, {
    // Checks in code have no counterpart; the patterns beside them say what can be said.
    ignoreActions: ["check"],
    // The flag u has no counterpart and needs none: patterns of JSON Schema are Unicode-aware by its
    // definition.
    overrideAction: ({ valibotAction, jsonSchema }) =>
      "requirement" in valibotAction && valibotAction.requirement instanceof RegExp
        ? addPattern(jsonSchema, valibotAction.requirement.source)
        : undefined,
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === "loose_object" ? nameOneSource(jsonSchema) : undefined,
  });
  return `${JSON.stringify({ $schema, title, ...rest }, undefined, 2)}\n`;
}

/** The converter sets the first pattern of a text; every further one stands in `allOf`. */
function addPattern(schema: JsonSchema, pattern: string): JsonSchema {
  if (schema.pattern === pattern) return schema;
  return { ...schema, allOf: [...(schema.allOf ?? []), { pattern }] };
}

/** `credentials` as a table: exactly one source, which may be the host's own. */
function nameOneSource(schema: JsonSchema): JsonSchema {
  return {
    ...schema,
    patternProperties: { [CUSTOM_NAME.source]: {} },
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of createJsonSchemas()) writeFileSync(new URL(path, ROOT), text);
}
