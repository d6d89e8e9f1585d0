import { performance } from "node:perf_hooks";

/** What is measured, by name. */
export type Contestants<Name extends string> = Readonly<Record<Name, () => unknown>>;

/**
 * Runs contestants in turns, so that what else the machine does falls on all of them alike.
 *
 * @returns for each the median of its times, in milliseconds
 */
export async function race<Name extends string>(
  contestants: Contestants<Name>,
  rounds: number,
): Promise<Record<Name, number>> {
  const names = Object.keys(contestants) as Name[];
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      // Where Node.js lets it be collected, no contestant pays for what another one has left.
      globalThis.gc?.();
      const start = performance.now();
      await contestants[name]();
      // The first round warms up.
      if (round >= 0) times.get(name)?.push(performance.now() - start);
    }
  }
  const medians = names.map((name) => [name, findMedian(times.get(name) ?? [])] as const);
  return Object.fromEntries(medians) as Record<Name, number>;
}

function findMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
