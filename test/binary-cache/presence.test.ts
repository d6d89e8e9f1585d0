import { createFakeClock } from "@eka-ci/caches/testing";
import { expect, it } from "vitest";
import { Presence } from "../../src/binary-cache/presence.ts";

it("what a cache had is remembered for a while", () => {
  const clock = createFakeClock();
  const presence = new Presence(clock, 1_000);
  presence.add(["a", "b"]);
  clock.advance(600);
  presence.add(["b"]);
  clock.advance(600);
  expect([presence.has("a"), presence.has("b"), presence.has("c")]).toEqual([false, true, false]);
  presence.clear();
  expect(presence.has("b")).toBe(false);
});

it("nothing is remembered where that is turned off", () => {
  const presence = new Presence(createFakeClock(), 0);
  presence.add(["a"]);
  expect(presence.has("a")).toBe(false);
});

it("the oldest of very many are forgotten first", () => {
  const presence = new Presence(createFakeClock());
  presence.add(Array.from({ length: 100_001 }, (_path, index) => `p${index}`));
  expect([presence.has("p0"), presence.has("p1"), presence.has("p100000")]).toEqual([false, true, true]);
});
