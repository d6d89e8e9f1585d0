import { CommandError, PushError } from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeDelay } from "../../src/delivery/backoff.ts";
import { CircuitBreaker } from "../../src/delivery/circuit-breaker.ts";
import { DeliveryTask } from "../../src/delivery/delivery-task.ts";
import { planNext } from "../../src/delivery/retry-policy.ts";
import { WorkGroup } from "../../src/delivery/work-group.ts";
import type { RunFailure } from "../../src/execution/failure.ts";
import { readPushRequest } from "../../src/registry/read-push-request.ts";

const BOUNDS = { baseMs: 1_000, capMs: 60_000 };

describe("the delay between attempts", () => {
  it.each([
    [1, 0.999, 0, 999],
    [2, 0.5, 0, 1_000],
    [3, 0.5, 0, 2_000],
    [7, 0.5, 0, 30_000],
    [50, 0.5, 0, 30_000],
    [1, 0, 0, 0],
    [1, 0.5, 7_000, 7_000],
    [1, 0.5, 3_600_000, 300_000],
    [7, 0.9, 7_000, 54_000],
  ])("after %i attempts, at %d, asked for %i ms: %i ms", (attempts, fraction, retryAfterMs, expected) => {
    expect(computeDelay(attempts, BOUNDS, fraction, retryAfterMs)).toBe(expected);
  });

  it("is never longer than the cap or what the server is granted", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.nat(),
        (attempts, fraction, wanted) => {
          const delay = computeDelay(attempts, BOUNDS, fraction, wanted);
          expect(delay).toBeGreaterThanOrEqual(Math.min(wanted, 300_000));
          expect(delay).toBeLessThanOrEqual(Math.max(60_000, Math.min(wanted, 300_000)));
        },
      ),
    );
  });
});

describe("the circuit breaker", () => {
  it("opens after five failures in a row, for 30 s doubling to 5 min, and lets one through at a time", () => {
    const breaker = new CircuitBreaker();
    for (let failure = 0; failure < 4; failure++) breaker.fail(0);
    expect(breaker.allows(0, 3)).toBe(true);
    breaker.fail(0);
    const pauses = [30, 60, 120, 240, 300, 300];
    let now = 0;
    for (const seconds of pauses) {
      expect(breaker.allows(now + seconds * 1000 - 1, 0)).toBe(false);
      now += seconds * 1000;
      expect(breaker.allows(now, 0)).toBe(true);
      expect(breaker.allows(now, 1)).toBe(false);
      breaker.fail(now);
    }
    breaker.succeed();
    expect(breaker.allows(now, 9)).toBe(true);
    breaker.fail(now);
    expect(breaker.allows(now, 0)).toBe(true);
  });

  it("counts failures in a row only", () => {
    const breaker = new CircuitBreaker();
    for (let round = 0; round < 10; round++) {
      for (let failure = 0; failure < 4; failure++) breaker.fail(0);
      breaker.succeed();
    }
    expect(breaker.opensAgainAt).toBeUndefined();
  });
});

describe("what follows a failed attempt", () => {
  const toGroup = (count: number, attempts = 0): WorkGroup => {
    const storePaths = Array.from({ length: count }, (_path, index) => `/p${index}`);
    const request = readPushRequest({ repository: "o/r", job: "j", caches: ["c"], storePaths });
    const task = new DeliveryTask({ id: "t/c", ticketId: "t", cacheId: "c", request, deadline: 1e9 });
    const group = WorkGroup.of([task], 0);
    return group.only(group.paths, attempts, 0);
  };
  const plan = (
    group: WorkGroup,
    failure: Partial<RunFailure>,
    more: { moved?: boolean; paths?: string[] } = {},
  ) => {
    const { givenUp, again } = planNext(
      {
        group,
        error: new PushError("ERR_PUSH_FAILED", "x", more.paths),
        failure: { failureClass: "unknown", isWholeServer: false, ...failure },
        moved: more.moved ?? false,
        now: 100,
        fraction: 0.5,
      },
      { ...BOUNDS, maxAttempts: 4 },
    );
    return { givenUp, again: again.map(({ size, attempts, readyAt }) => [size, attempts, readyAt]) };
  };

  it.each<
    [
      name: string,
      group: WorkGroup,
      failure: Partial<RunFailure>,
      more: object,
      givenUp: number,
      again: number[][],
    ]
  >([
    ["a permanent failure of one path is given up", toGroup(1), { failureClass: "permanent" }, {}, 1, []],
    [
      "of several is looked for by halving, at once",
      toGroup(5),
      { failureClass: "permanent" },
      {},
      0,
      [
        [3, 0, 100],
        [2, 0, 100],
      ],
    ],
    [
      "of the whole server is given up",
      toGroup(5),
      { failureClass: "permanent", isWholeServer: true },
      {},
      5,
      [],
    ],
    [
      "of a path that is named is given up alone",
      toGroup(3),
      { failureClass: "permanent" },
      { paths: ["/p1"] },
      1,
      [[2, 0, 100]],
    ],
    ["an unknown one is tried once more", toGroup(1), {}, {}, 0, [[1, 1, 600]]],
    ["and then given up", toGroup(1, 1), {}, {}, 1, []],
    [
      "of several is halved",
      toGroup(2),
      {},
      {},
      0,
      [
        [1, 0, 100],
        [1, 0, 100],
      ],
    ],
    [
      "refused credentials are tried again, together",
      toGroup(4),
      { failureClass: "credentials", isWholeServer: true },
      {},
      0,
      [[4, 1, 600]],
    ],
    [
      "a server that is away is waited for, together",
      toGroup(4, 1),
      { failureClass: "transient", isWholeServer: true },
      {},
      0,
      [[4, 2, 1100]],
    ],
    [
      "one that fails requests gets fewer at once",
      toGroup(4, 1),
      { failureClass: "transient" },
      {},
      0,
      [
        [2, 1, 1100],
        [2, 1, 1100],
      ],
    ],
    ["the fourth attempt is the last", toGroup(1, 3), { failureClass: "transient" }, {}, 1, []],
    [
      "unless something moved",
      toGroup(2, 3),
      { failureClass: "transient" },
      { moved: true },
      0,
      [[2, 1, 600]],
    ],
    [
      "what the server asks for is waited",
      toGroup(1),
      { failureClass: "transient", isWholeServer: true, retryAfterMs: 9_000 },
      {},
      0,
      [[1, 1, 9100]],
    ],
  ])("%s", (_name, group, failure, more, givenUp, again) => {
    const next = plan(group, failure, more);
    expect([next.givenUp.length, next.again]).toEqual([givenUp, again]);
  });

  it("loses no path, and has none twice", () => {
    const failures = fc.record({
      failureClass: fc.constantFrom("permanent", "transient", "credentials", "unknown"),
      isWholeServer: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.nat({ max: 4 }),
        failures,
        fc.boolean(),
        (size, attempts, failure, moved) => {
          const group = toGroup(size, attempts);
          const error = new CommandError("ERR_COMMAND_INVALID", "x");
          const next = planNext(
            { group, error, failure: failure as RunFailure, moved, now: 0, fraction: 0 },
            { ...BOUNDS, maxAttempts: 4 },
          );
          const paths = [...next.givenUp, ...next.again.flatMap((again) => again.paths)];
          expect(paths.sort()).toEqual([...group.paths].sort());
        },
      ),
    );
  });
});
