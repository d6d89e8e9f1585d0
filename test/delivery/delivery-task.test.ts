import { CacheRegistry } from "@eka-ci/caches";
import { expect, it } from "vitest";
import { DeliveryTask } from "../../src/delivery/delivery-task.ts";
import { readStoredResult, writeResult } from "../../src/delivery/stored-result.ts";
import { readPushRequest } from "../../src/registry/read-push-request.ts";

const [A, B] = ["a", "b"].map((name) => `/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-${name}`);
const request = readPushRequest({ repository: "o/r", job: "j", caches: ["c"], storePaths: [A, B] });
const registry = CacheRegistry.fromToml(`
  [[caches]]
  id = "c"
  cache_type = "cachix"
  destination = "c"
  credentials = { env = { vars = ["TOKEN"] } }
  permissions = { allow_all = true }`);
const decision = registry.authorize("c", { repository: "o/r" });

it("what was left to an upstream is remembered in the progress of a delivery", () => {
  if (decision.effect !== "allow" || A === undefined || B === undefined)
    throw new Error("Nothing is allowed");
  const start = { id: "t/c", ticketId: "t", cacheId: "c", request, deadline: 1e9 };
  const first = new DeliveryTask(start);
  const base = { cacheId: "c", decision, executions: [], skippedPaths: [], durationMs: 1 };
  const result = { ...base, status: "aborted" } as const;
  expect(first.record({ ...result, storePaths: [], confirmedPaths: [A], upstreamPaths: [A] })).toBe(true);
  const next = new DeliveryTask({ ...start, progress: first.toProgress(0, Number.POSITIVE_INFINITY) });
  expect([...next.remaining]).toEqual([B]);
  next.record({ ...result, storePaths: [B], confirmedPaths: [B], upstreamPaths: [] });
  expect(next.toResult()).toMatchObject({
    ...{ status: "pushed", storePaths: [B], confirmedPaths: [A, B], upstreamPaths: [A] },
  });
});

it("a path is there, or left to an upstream, and never both", () => {
  if (decision.effect !== "allow" || A === undefined) throw new Error("Nothing is allowed");
  const task = new DeliveryTask({ id: "t/c", ticketId: "t", cacheId: "c", request, deadline: 1e9 });
  const base = { cacheId: "c", decision, executions: [], skippedPaths: [], durationMs: 1 };
  const result = { ...base, status: "aborted" } as const;
  task.record({ ...result, storePaths: [A], confirmedPaths: [], upstreamPaths: [] });
  task.record({ ...result, storePaths: [], confirmedPaths: [A], upstreamPaths: [A] });
  expect(task.toResult()).toMatchObject({ storePaths: [], upstreamPaths: [A] });
  task.record({ ...result, storePaths: [A], confirmedPaths: [A], upstreamPaths: [] });
  expect(task.toResult()).toMatchObject({ storePaths: [A], upstreamPaths: [] });
});

it.each([{ way: "direct" }, { way: "nix", reason: "the cache says so" }, undefined] as const)(
  "the way that the paths went (%j) is reported, also from a journal",
  (upload) => {
    if (decision.effect !== "allow" || A === undefined || B === undefined)
      throw new Error("Nothing is allowed");
    const task = new DeliveryTask({ id: "t/c", ticketId: "t", cacheId: "c", request, deadline: 1e9 });
    const base = { cacheId: "c", decision, executions: [], skippedPaths: [], durationMs: 1 };
    const result = { ...base, status: "pushed" } as const;
    task.record({ ...result, storePaths: [A, B], confirmedPaths: [A, B], upstreamPaths: [], upload });
    const reported = task.toResult();
    expect(reported).toMatchObject({ status: "pushed", upload });
    expect(readStoredResult(reported === undefined ? "" : writeResult(reported))).toMatchObject({ upload });
  },
);

it("what rules of the cache leave out is done, and remembered with its reason", () => {
  if (decision.effect !== "allow" || A === undefined || B === undefined)
    throw new Error("Nothing is allowed");
  const start = { id: "t/c", ticketId: "t", cacheId: "c", request, deadline: 1e9 };
  const first = new DeliveryTask(start);
  const base = { cacheId: "c", decision, executions: [], upstreamPaths: [], durationMs: 1 };
  const skippedPaths = [{ path: A, reason: "too-large" }] as const;
  const attempt = { ...base, skippedPaths, storePaths: [], confirmedPaths: [] };
  expect(first.record({ ...attempt, status: "aborted" })).toBe(true);
  const next = new DeliveryTask({ ...start, progress: first.toProgress(0, Number.POSITIVE_INFINITY) });
  expect([...next.remaining]).toEqual([B]);
  next.record({ ...base, skippedPaths: [], storePaths: [B], confirmedPaths: [B], status: "pushed" });
  const reported = next.toResult();
  expect(reported).toMatchObject({ status: "pushed", confirmedPaths: [B], skippedPaths });
  expect(readStoredResult(reported === undefined ? "" : writeResult(reported))).toEqual(reported);
  // An upstream has it after an attempt has brought it there.
  const both = new DeliveryTask(start);
  both.record({ ...base, skippedPaths: [], storePaths: [A], confirmedPaths: [], status: "aborted" });
  const late = { ...base, skippedPaths: [{ path: A, reason: "upstream" }] } as const;
  both.record({ ...late, storePaths: [B], confirmedPaths: [B], status: "pushed" });
  expect(both.toResult()).toMatchObject({ status: "pushed", storePaths: [A, B], skippedPaths: [] });
  // Nothing was done for what is denied beside what is left out.
  const denied = new DeliveryTask(start);
  denied.record({ ...attempt, status: "aborted" });
  const denial = { effect: "deny", cacheId: "c", reason: "repository-not-allowed", message: "no" } as const;
  denied.deny({ status: "denied", cacheId: "c", decision: denial }, [B]);
  expect(denied.toResult()).toMatchObject({ status: "denied" });
  const all = new DeliveryTask(start);
  const left = [A, B].map((path) => ({ path, reason: "excluded" }) as const);
  all.record({ ...base, skippedPaths: left, storePaths: [], confirmedPaths: [], status: "skipped" });
  expect(all.toResult()).toMatchObject({ status: "skipped", storePaths: [], skippedPaths: left });
});
