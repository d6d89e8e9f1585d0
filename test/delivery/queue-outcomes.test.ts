import { describe, expect, it } from "vitest";
import { FakeCaches, flush, requestFor, runUntil, setUpQueue } from "../support/fake-cache.ts";

describe("telling outcomes", () => {
  it("survives listeners that throw", async () => {
    const caches = new FakeCaches();
    const { queue, clock, warnings } = setUpQueue(caches, {
      onSettled: () => {
        throw new Error("listener");
      },
    });
    const ticket = await queue.enqueue(requestFor(["a"], 1));
    expect(await runUntil(clock, ticket.done)).toMatchObject({ ok: true });
    await flush();
    expect(warnings).toEqual(["The onSettled callback failed; it is called again for this delivery later"]);
  });

  it("an asynchronous listener that fails is survived", async () => {
    const { queue, clock, warnings } = setUpQueue(new FakeCaches(), {
      onSettled: async () => Promise.reject(new Error("listener")),
    });
    await runUntil(clock, (await queue.enqueue(requestFor(["a"], 1))).done);
    await flush();
    await flush();
    expect(warnings).toEqual(["The onSettled callback failed; it is called again for this delivery later"]);
  });
});
