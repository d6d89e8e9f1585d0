// Runs every benchmark, one after another, and writes the tables into docs/performance.md with machine,
// versions and date: `npm run bench`. Exits with 1 if a goal is missed.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const BENCHMARKS = [
  ["Decisions", "bench:policy"],
  ["Reading the configuration", "bench:load"],
  ["Importing the package", "bench:import"],
  ["Starting the command line", "bench:start"],
  ["One push", "bench:push"],
  ["Many pushes", "bench:delivery"],
  ["The queue on PostgreSQL", "bench:engine"],
  ["A push over a network", "bench:network"],
  ["The rules of a cache", "bench:rules"],
  ["The ledger", "bench:ledger"],
  ["Hostile texts", "bench:config"],
  ["Memory of hostile texts", "bench:memory"],
] as const;
const PAGE = new URL("../docs/performance.md", import.meta.url);
const START = "<!-- written by npm run bench -->";

const sections = BENCHMARKS.map(([title, script]) => {
  console.log(`== ${script}`);
  const { stdout, status } = spawnSync("npm", ["run", "--silent", script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  console.log(stdout);
  if (status !== 0) process.exitCode = 1;
  return `## ${title}\n\n\`npm run ${script}\`: ${stdout.trim()}\n`;
});
const [head = ""] = readFileSync(PAGE, "utf8").split(START);
const date = new Date().toISOString().slice(0, 10);
writeFileSync(PAGE, `${head}${START}\n\nMeasured on ${date}.\n\n${sections.join("\n")}`);
