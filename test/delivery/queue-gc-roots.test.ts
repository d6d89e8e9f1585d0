import type { GcRoots } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { FakeCaches, flush, requestFor, runUntil, setUpQueue } from "../support/fake-cache.ts";

describe("garbage collector roots", () => {
  const recordRoots = (fail = false) => {
    const calls: string[] = [];
    const gcRoots: GcRoots = {
      hold: async (holder, paths) => {
        calls.push(`hold ${holder} ${paths.length}`);
        if (fail) throw new Error("gone");
      },
      release: async (holder) => void calls.push(`release ${holder}`),
    };
    return { calls, gcRoots };
  };

  it("are held from acceptance until every cache is settled", async () => {
    const caches = new FakeCaches();
    let open = (): void => {};
    caches.gates.set("b", new Promise((resolve) => (open = resolve)));
    const { calls, gcRoots } = recordRoots();
    const { queue, clock } = setUpQueue(caches, { gcRoots });
    const ticket = await queue.enqueue(requestFor(["a", "b"], 1, 2));
    clock.advance(50);
    await flush();
    expect(caches.of("a").size).toBe(2);
    const held = calls.filter((call) => call.startsWith("hold"));
    expect(held).toHaveLength(2);
    expect(calls).toHaveLength(3);
    open();
    await runUntil(clock, ticket.done);
    await flush();
    const released = calls.flatMap((call) => (call.startsWith("release") ? [call.split(" ")[1]] : []));
    expect(released.sort()).toEqual(held.map((call) => call.split(" ")[1]).sort());
  });

  it("that are made while others fail are let go of", async () => {
    const kept = new Set<string>();
    let calls = 0;
    const gcRoots: GcRoots = {
      hold: async (holder) => {
        if (++calls === 1) throw new Error("gone");
        await flush();
        kept.add(holder);
      },
      release: async (holder) => void kept.delete(holder),
    };
    const { queue } = setUpQueue(new FakeCaches(), { gcRoots });
    await expect(queue.enqueue(requestFor(["a", "b"], 1))).rejects.toThrow();
    expect(kept.size).toBe(0);
  });

  it("that cannot be held mean that the request is not accepted", async () => {
    const { calls, gcRoots } = recordRoots(true);
    const { queue } = setUpQueue(new FakeCaches(), { gcRoots });
    await expect(queue.enqueue(requestFor(["a"], 1))).rejects.toThrow();
    expect([queue.size, calls.length]).toEqual([0, 2]);
  });
});
