import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** A measurement, and what it should be. */
export interface Score {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** In words; absent where the figure is for comparison alone. */
  readonly goal?: string | undefined;
  readonly isMet?: boolean | undefined;
}

/** Prints measurements as a table in Markdown, and lets the process exit with 1 if one misses its goal. */
export class Scoreboard {
  readonly #missed: string[] = [];

  constructor(...versions: readonly string[]) {
    const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
    const machine = `${cpus()[0]?.model}, ${cpus().length} cores, ${memory}`;
    console.log([machine, `Node.js ${process.version}`, ...versions].join("; "));
    console.log("\n| what | measured | goal |\n|---|---|---|");
  }

  add({ what, value, unit, goal = "", isMet = true }: Score): void {
    console.log(`| ${what} | ${format(value)} ${unit} | ${goal} |`);
    if (!isMet) this.#missed.push(what);
  }

  /** A ratio of two measurements that should not be larger. */
  addAtMost(what: string, value: number, limit: number): void {
    this.add({ what, value, unit: "times", goal: `at most ${limit}`, isMet: value <= limit });
  }

  /** A ratio of two measurements that should not be smaller. */
  addAtLeast(what: string, value: number, limit: number): void {
    this.add({ what, value, unit: "times", goal: `at least ${limit}`, isMet: value >= limit });
  }

  finish(): void {
    if (this.#missed.length === 0) return;
    console.error(`\nmissed: ${this.#missed.join(", ")}`);
    process.exitCode = 1;
  }
}

/** The installed version of a package, after its name. */
export function nameVersion(name: string): string {
  const url = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${JSON.parse(readFileSync(url, "utf8")).version}`;
}

function format(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}
