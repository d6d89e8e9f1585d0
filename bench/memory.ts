// What hostile files cost in memory: `npm run bench:memory`, each in a process of its own. Exits with 1 if
// the largest server file of empty caches takes more than 30 s, or more than 500 MB where the heap is small,
// or if a repository's file pins more than 2 MiB.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Scoreboard } from "./support/scoreboard.ts";

const entry = JSON.stringify(fileURLToPath(new URL("../dist/index.js", import.meta.url)));

/** Runs a program that prints numbers. */
function run(code: string, ...options: readonly string[]): readonly number[] {
  const program = `const caches = await import(${entry}); ${code}`;
  const args = [...options, "--input-type=module", "--eval", program];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim().split(" ").map(Number);
}

const EMPTY_CACHES = 381_000;
const manyProblems = `
  const text = "[[caches]]\\n".repeat(${EMPTY_CACHES});
  const startedAt = performance.now();
  const { diagnostics } = caches.safeParseServerConfig(text);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(diagnostics.length, seconds, process.resourceUsage().maxRSS / 1000);`;

const board = new Scoreboard();
const small = "--max-old-space-size=256";
const [listed = 0, seconds = 0, megabytes = 0] = run(manyProblems, small);
const what = `${EMPTY_CACHES.toLocaleString("en-US")} empty [[caches]] (4 MiB)`;
board.add({ what: `${what}: problems that are listed`, value: listed, unit: "" });
board.add({
  what: `the same: time, with ${small}`,
  value: seconds,
  unit: "s",
  goal: "seconds; at most 30",
  isMet: seconds <= 30,
});
board.add({
  what: `the same: most memory of the process, with ${small}`,
  value: megabytes,
  unit: "MB",
  goal: "under 500",
  isMet: megabytes < 500,
});
const [, , unbounded = 0] = run(manyProblems);
board.add({
  what: "the same: most memory of the process, where V8 may be lazy",
  value: unbounded,
  unit: "MB",
});

const [pinned = 0] = run(
  `
  const jobs = Array.from({ length: 6_800 }, (_job, index) => [\`job-\${index}\`, { caches: [\`cache-\${index}\`] }]);
  const text = JSON.stringify({ jobs: Object.fromEntries(jobs) });
  if (text.length < 200_000 || text.length > 256 * 1024) throw new Error(\`\${text.length} bytes\`);
  caches.parseRepositoryConfig(text);
  gc();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 20 }, () => caches.safeParseRepositoryConfig(text).output ?? fail());
  gc();
  console.log((process.memoryUsage().heapUsed - before) / kept.length / 2 ** 20);`,
  "--expose-gc",
);
board.add({
  what: "a repository's file of 6,800 jobs (200 KB or more): memory that its configuration keeps",
  value: pinned,
  unit: "MiB",
  goal: "under 2",
  isMet: pinned < 2,
});
board.finish();
