import { HOOK_KEYS } from "../config/repository-config.ts";
import { MAX_CACHES } from "../config/schema/repository-schema.ts";
import type { Problem } from "../config/text/diagnostic.ts";
import { type Members, readMember, toMembers } from "../core/own-member.ts";
import type { MemberEdit } from "./edit-json.ts";
import { incomplete } from "./hook-findings.ts";

const IS_HOOK_KEY: ReadonlySet<string | undefined> = new Set(HOOK_KEYS);

/** The caches of a job's hooks. */
export interface JobCaches {
  readonly job: string | undefined;
  readonly cacheIds: readonly string[];
}

/** Replaces a job's hooks by a list of caches, or extends its list. */
export class JobLists {
  readonly #jobs: Readonly<Record<string, unknown>>;
  readonly #added = new Map<string, Set<string>>();

  constructor(root: Members, hooks: readonly JobCaches[]) {
    this.#jobs = toMembers(readMember(root, "jobs"));
    for (const { job, cacheIds } of hooks) {
      if (job === undefined) continue;
      const ids = this.#added.get(job) ?? new Set();
      for (const id of cacheIds) ids.add(id);
      this.#added.set(job, ids);
    }
  }

  /** What prevents a list. */
  get problems(): readonly Problem[] {
    return [...this.#added].flatMap(([job, added]) => {
      const path = ["jobs", job, "caches"];
      const listed = readMember(toMembers(readMember(this.#jobs, job)), "caches");
      if (listed !== undefined && !Array.isArray(listed) && added.size > 0)
        return [
          incomplete(
            path,
            `This is not a list; write [${[...added].map((id) => JSON.stringify(id)).join(", ")}]`,
          ),
        ];
      const size = new Set([...(Array.isArray(listed) ? listed : []), ...added]).size;
      return size > MAX_CACHES
        ? [incomplete(path, `A job names at most ${MAX_CACHES} caches, and this one now ${size}`)]
        : [];
    });
  }

  /** What to do with the member at a path of the file. */
  edit(path: readonly string[]): MemberEdit {
    const [top, job, key] = path;
    if (path.length === 1 && IS_HOOK_KEY.has(top)) return "remove";
    if (path.length !== 3 || top !== "jobs" || job === undefined) return "keep";
    const ids = [...(this.#added.get(job) ?? [])];
    const members = toMembers(readMember(this.#jobs, job));
    const listed = readMember(members, "caches");
    if (key === "caches")
      return Array.isArray(listed) && ids.length > 0 ? toList([...listed, ...ids]) : "keep";
    if (!IS_HOOK_KEY.has(key)) return "keep";
    const isFirstHook = key === HOOK_KEYS.find((name) => Object.hasOwn(members, name));
    return listed !== undefined || !isFirstHook || ids.length === 0 ? "remove" : toList(ids);
  }
}

function toList(ids: readonly unknown[]): MemberEdit {
  const written = [...new Set(ids)].map((id) => JSON.stringify(id));
  return { replacement: `"caches": [${written.join(", ")}]` };
}
