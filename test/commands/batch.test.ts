import { describe, expect, it } from "vitest";
import { batchStorePaths } from "../../src/commands/batch.ts";

describe("batches", () => {
  const paths = (count: number, length: number) =>
    Array.from(
      { length: count },
      (_path, index) => `/nix/store/${"0".repeat(32)}-${String(index).padStart(length - 44, "0")}`,
    );

  it("hold at most 400 paths and 100 000 bytes, in order, nothing lost", () => {
    for (const all of [paths(1, 60), paths(400, 60), paths(401, 60), paths(5_000, 60), paths(1_000, 255)]) {
      const batches = batchStorePaths(all);
      expect(batches.flat()).toEqual(all);
      for (const batch of batches) {
        expect(batch.length).toBeGreaterThan(0);
        expect(batch.length).toBeLessThanOrEqual(400);
        expect(batch.join(" ").length).toBeLessThanOrEqual(100_000);
      }
    }
    expect(batchStorePaths(paths(400, 60))).toHaveLength(1);
    expect(batchStorePaths([])).toEqual([]);
  });
});

it("a batch may be exactly as large as the bounds", () => {
  const paths = Array.from({ length: 400 }, (_path, index) => String(index).padStart(249, "0"));
  expect(batchStorePaths(paths)).toEqual([paths]);
  const longer = paths.map((path, index) => (index === 0 ? `${path}x` : path));
  expect(batchStorePaths(longer).map((batch) => batch.length)).toEqual([399, 1]);
});
