import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { AbandonedWork } from "../../src/credentials/abandoned-work.ts";

it("abandoned work does not pile up, however many ask, and nobody gets what was begun before", async () => {
  const work = new AbandonedWork<number>();
  const ends: ((value: number) => void)[] = [];
  const begin = (): Promise<number> => new Promise((resolve) => ends.push(resolve));
  for (let round = 0; round < 5; round++) {
    const controller = new AbortController();
    const asked = work.run("a", begin, controller.signal);
    await setImmediate();
    controller.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  }
  expect(ends).toHaveLength(1);
  const later = work.run("a", begin, undefined);
  await setImmediate();
  expect(ends).toHaveLength(1);
  ends[0]?.(1);
  await setImmediate();
  ends[1]?.(2);
  expect(await later).toBe(2);
});

it("abandoned work on something else is not waited for", async () => {
  const work = new AbandonedWork<number>();
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(work.run("a", () => new Promise(() => {}), signal)).rejects.toThrow("enough");
  expect(await work.run("b", async () => 3, undefined)).toBe(3);
});
