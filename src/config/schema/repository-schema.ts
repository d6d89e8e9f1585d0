import * as v from "valibot";
import { coded } from "./schema-issues.ts";
import { openTable } from "./schema-table.ts";
import { cacheId } from "./text-schemas.ts";

/** Most caches that a job may name. */
export const MAX_CACHES = 64;

/** The caches of a job. Its other keys belong to other features. */
export const jobSchema = openTable({
  caches: v.optional(
    v.pipe(
      v.array(cacheId),
      v.maxLength(MAX_CACHES, coded("too-many-caches", `A job names at most ${MAX_CACHES} caches`)),
      v.description("Ids of the caches that get the job's outputs, if the operator allows it."),
      v.examples([["production-s3"]]),
    ),
  ),
});

/** The part of `.eka-ci/config.json` that belongs to caches. */
export const repositorySchema = openTable({
  jobs: v.optional(v.pipe(v.record(v.string(), jobSchema), v.description("The jobs by name."))),
});
