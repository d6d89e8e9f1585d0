import { describe, expect, it } from "vitest";
import { REQUEST, setUp, statuses } from "../support/set-up-registry.ts";

describe("abort and disposal", () => {
  it("before the push runs nothing", async () => {
    const { registry, executor } = setUp();
    const report = await registry.push(
      { ...REQUEST, caches: ["dev", "nope"] },
      { signal: AbortSignal.abort() },
    );
    expect(statuses(report.results)).toEqual([
      ["dev", "aborted"],
      ["nope", "denied"],
    ]);
    expect(executor.commands).toEqual([]);
  });

  it("during the push reports what is not done as aborted", async () => {
    const controller = new AbortController();
    const { registry, events } = setUp({
      respond: ({ file }) => {
        if (file === "nix-store") controller.abort();
        return {};
      },
    });
    const report = await registry.push(REQUEST, { signal: controller.signal });
    expect(statuses(report.results)).toEqual([
      ["dev", "aborted"],
      ["prod-cache", "aborted"],
    ]);
    expect(events.filter(({ type }) => type === "push.finished")).toMatchObject([
      { status: "aborted" },
      { status: "aborted" },
    ]);
  });

  it("does not wait for a sink that hangs", async () => {
    const controller = new AbortController();
    const { registry, executor } = setUp({ sinks: [{ write: () => new Promise(() => {}) }] });
    const push = registry.push({ ...REQUEST, caches: ["dev", "nope"] }, { signal: controller.signal });
    controller.abort();
    expect(statuses((await push).results)).toEqual([
      ["dev", "aborted"],
      ["nope", "denied"],
    ]);
    expect(executor.commands).toEqual([]);
  });

  it("by a sink, while it takes an event, ends the push", async () => {
    const controller = new AbortController();
    const write = () => {
      controller.abort();
      return new Promise<void>(() => {});
    };
    const { registry } = setUp({ sinks: [{ write }] });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] }, { signal: controller.signal });
    expect(statuses(report.results)).toEqual([["dev", "aborted"]]);
  });

  it("of the registry ends its pushes, and refuses new ones", async () => {
    const { registry } = setUp();
    const push = registry.push(REQUEST);
    await registry[Symbol.asyncDispose]();
    expect((await push).results.every(({ status }) => status === "aborted")).toBe(true);
    await expect(registry.push(REQUEST)).rejects.toMatchObject({ code: "ERR_REGISTRY_CLOSED" });
  });
});
