import { type AuditEvent, type AuditSink, createLineSink } from "@eka-ci/caches";
import type { RecordingExecutorOptions } from "@eka-ci/caches/testing";
import { describe, expect, it, vi } from "vitest";
import { codeOf, REQUEST, setUp, TOML } from "../support/set-up-registry.ts";

describe("audit", () => {
  it("records every step, the intent before anything is read or run", async () => {
    const order: string[] = [];
    const sink: AuditSink = { write: (event) => void order.push(event.type) };
    const respond: RecordingExecutorOptions["respond"] = ({ file }) => {
      order.push(file);
      return {};
    };
    const { registry } = setUp({ sinks: [sink], respond });
    await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(order).toEqual([
      "permission.decided",
      "push.dispatched",
      "push.started",
      "credentials.resolved",
      "nix-store",
      "cachix",
      "push.finished",
    ]);
  });

  it("writes the lines of the guide, word for word", async () => {
    const { registry, lines } = setUp();
    await registry.push({ ...REQUEST, caches: ["dev"] });
    await registry.push({
      ...REQUEST,
      ref: { type: "branch", name: "develop" },
      caches: ["prod-cache", "nonexistent-cache"],
    });
    expect(lines()).toContain("[INFO] Sent hook task for drv /nix/store/abc-foo.drv (job: my-package)");
    expect(lines()).toContain(
      "[WARN] Permission denied for cache 'prod-cache' in myorg/myrepo: Branch develop is not allowed",
    );
    expect(lines()).toContain("[WARN] Cache ID 'nonexistent-cache' not found in server registry, skipping");
  });

  it("writes the guide's line for a credential that is not set, and for a timeout", async () => {
    const unset = setUp({ env: { AWS_SECRET_ACCESS_KEY: "x" } });
    await unset.registry.push({ ...REQUEST, caches: ["prod-cache"] });
    expect(unset.lines().at(-1)).toBe(
      "[ERROR] Failed to execute hook: Environment variable AWS_ACCESS_KEY_ID not set",
    );
    const slow = setUp({ respond: ({ file }) => (file === "cachix" ? { outcome: "timed-out" } : {}) });
    await slow.registry.push({ ...REQUEST, caches: ["dev"] });
    expect(slow.lines().at(-1)).toBe("[WARN] Hook execution timed out after 300 seconds");
  });

  it("lets no name forge a line", async () => {
    const { registry, lines } = setUp();
    const evil = "x\n[INFO] forged \u001b[31m\u202e\u2028";
    await registry.push({
      ...REQUEST,
      repository: evil,
      job: evil,
      drvPath: evil,
      ref: { type: "branch", name: evil },
      caches: ["dev", evil],
    });
    for (const line of lines()) expect(line).toMatch(/^\[(?:INFO|WARN|ERROR)\] [\x20-\x7e]+$/u);
  });

  it.each<[name: string, sink: AuditSink]>([
    [
      "throws",
      {
        write: () => {
          throw new Error("disk full");
        },
      },
    ],
    ["rejects", { write: () => Promise.reject(new Error("disk full")) }],
  ])("that %s lets no child start", async (_name, sink) => {
    const { registry, executor } = setUp({ sinks: [{ write: () => {} }, sink] });
    const report = await registry.push(REQUEST);
    expect(report.results.map(codeOf)).toEqual(["ERR_AUDIT_FAILED", "ERR_AUDIT_FAILED"]);
    expect(executor.commands).toEqual([]);
  });

  it("that hangs lets no child start", async () => {
    const { registry, executor, clock } = setUp({ sinks: [{ write: () => new Promise(() => {}) }] });
    const push = registry.push(REQUEST);
    for (let round = 0; round < 20; round++) await Promise.resolve();
    clock.advance(10_000);
    expect((await push).results.map(codeOf)).toEqual(["ERR_AUDIT_FAILED", "ERR_AUDIT_FAILED"]);
    expect(executor.commands).toEqual([]);
  });

  it.each<AuditEvent["type"]>([
    "permission.decided",
    "push.dispatched",
    "push.started",
    "credentials.resolved",
  ])("that fails at %s lets no child start", async (type) => {
    const sink: AuditSink = {
      write: (event) => {
        if (event.type === type) throw new Error("disk full");
      },
    };
    const { registry, executor } = setUp({ sinks: [sink] });
    const report = await registry.push(REQUEST);
    expect(report.results.map(codeOf)).toEqual(["ERR_AUDIT_FAILED", "ERR_AUDIT_FAILED"]);
    expect(executor.commands).toEqual([]);
  });

  it("that fails at the end does not deny what happened, and is told", async () => {
    const sink: AuditSink = {
      write: (event) => {
        if (event.type === "push.finished") throw new Error("disk full");
      },
    };
    const { registry } = setUp({ sinks: [sink] });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(report).toMatchObject({
      ok: false,
      results: [{ status: "pushed", auditError: { code: "ERR_AUDIT_FAILED" } }],
    });
  });

  it("that fails where every cache denies is told in the report", async () => {
    const { registry } = setUp({ sinks: [{ write: () => Promise.reject(new Error("disk full")) }] });
    const report = await registry.push({ ...REQUEST, caches: ["nope"] });
    expect(report.results).toMatchObject([{ status: "denied", auditError: { code: "ERR_AUDIT_FAILED" } }]);
  });

  it("is not disturbed by a listener that is asynchronous and rejects", async () => {
    const { registry, warnings } = setUp();
    registry.subscribe(async () => {
      throw new Error("broken");
    });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).ok).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings.length).toBeGreaterThan(0);
  });

  it("is not disturbed by a listener that throws", async () => {
    const { registry, warnings } = setUp();
    const unsubscribe = registry.subscribe(() => {
      throw new Error("broken");
    });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).ok).toBe(true);
    expect(warnings.length).toBeGreaterThan(0);
    unsubscribe();
    warnings.length = 0;
    await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(warnings).toEqual([]);
  });

  it("gives no events where the server switched it off", async () => {
    const write = vi.fn();
    const { registry, events } = setUp({
      toml: TOML.replace("[security]", "[security]\naudit_hooks = false"),
      sinks: [{ write }],
    });
    await registry.push(REQUEST);
    expect(events).toEqual([]);
    expect(write).not.toHaveBeenCalled();
  });

  it("writes JSON lines that parse back to the event, in ASCII", async () => {
    const written: string[] = [];
    const { registry, events } = setUp({
      sinks: [createLineSink({ format: "json", write: (line) => void written.push(line) })],
    });
    await registry.push({ ...REQUEST, caches: ["dev"], job: "jöb\u2028\u{1f600}" });
    expect(written).toHaveLength(events.length);
    for (const [index, line] of written.entries()) {
      expect(line).toMatch(/^[\x20-\x7e]+\n$/u);
      expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(events[index])));
    }
  });
});
