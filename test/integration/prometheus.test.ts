import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryJournal } from "@eka-ci/caches";
import { createPrometheusMetrics } from "@eka-ci/caches/prometheus";
import { Registry } from "prom-client";
import { describe, expect, it, vi } from "vitest";
import { FakeCaches, overrideJournal, requestFor, runUntil, setUpQueue } from "../support/fake-cache.ts";
import { describeWith } from "../support/requirement.ts";
import { findFreePort } from "./servers/external-server.ts";

/** A queue that has pushed, failed and waits, and its metrics. */
async function setUp(maxCaches?: number) {
  const register = new Registry();
  const metrics = createPrometheusMetrics({ register, maxCaches });
  const caches = new FakeCaches((name) =>
    name === "b" ? { exitCode: 1, stderr: "HTTP error 404" } : undefined,
  );
  let isBroken = false;
  const memory = createMemoryJournal();
  const journal = overrideJournal(memory, {
    stats: async () => {
      if (isBroken) throw new Error("away");
      return memory.stats();
    },
  });
  const { queue, clock } = setUpQueue(caches, { journal, onEvent: metrics.onEvent });
  const stop = metrics.observe(queue);
  for (const cache of ["a", "b"]) await runUntil(clock, (await queue.enqueue(requestFor([cache], 1))).done);
  const breakJournal = (): void => {
    isBroken = true;
  };
  return { register, queue, stop, breakJournal };
}

/** The value of a line of the text format. */
const findValue = (text: string, line: string): number | undefined => {
  const found = text.split("\n").find((one) => one.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.split(" ").at(-1));
};

describe("metrics of Prometheus", () => {
  it("count what a queue does, and tell how it stands", async () => {
    const { register, queue, stop, breakJournal } = await setUp();
    const text = await register.metrics();
    const prefix = "eka_ci_caches_";
    expect(findValue(text, `${prefix}deliveries_accepted_total{cache="a"}`)).toBe(1);
    expect(findValue(text, `${prefix}deliveries_settled_total{cache="a",status="pushed"}`)).toBe(1);
    expect(findValue(text, `${prefix}deliveries_settled_total{cache="b",status="buried"}`)).toBe(1);
    expect(findValue(text, `${prefix}dead_letters_total{cache="b",code="ERR_PUSH_FAILED"}`)).toBe(1);
    expect(findValue(text, `${prefix}delivery_duration_seconds_count{cache="a"}`)).toBe(1);
    expect(findValue(text, `${prefix}deliveries{cache="b",state="dead"}`)).toBe(1);
    expect(findValue(text, `${prefix}journal_up`)).toBe(1);
    for (const secret of ["/nix/store", "o/r", "main", "token-canary"]) expect(text).not.toContain(secret);
    breakJournal();
    const broken = await register.metrics();
    expect(findValue(broken, `${prefix}journal_up`)).toBe(0);
    expect(findValue(broken, `${prefix}deliveries{cache="b",state="dead"}`)).toBeUndefined();
    stop();
    await queue.close();
    expect(await register.metrics()).toContain("deliveries_accepted_total");
  });

  it("have labels for so many caches, and one for the others", async () => {
    const { register, queue } = await setUp(1);
    const text = await register.metrics();
    expect(findValue(text, 'eka_ci_caches_deliveries_accepted_total{cache="a"}')).toBe(1);
    expect(findValue(text, 'eka_ci_caches_deliveries_accepted_total{cache="other"}')).toBe(1);
    await queue.close();
  });

  it("are those that dashboard and alerts ask for", async () => {
    const { register, queue } = await setUp();
    const known = new Set((await register.getMetricsAsJSON()).map(({ name }) => name));
    for (const file of ["alerts.yml", "dashboard.json"]) {
      const text = readFileSync(new URL(`../../examples/prometheus/${file}`, import.meta.url), "utf8");
      const asked = [...text.matchAll(/eka_ci_caches_\w+/gu)].map(([name]) => name.replace(/_bucket$/u, ""));
      expect(asked.length).toBeGreaterThan(4);
      expect(asked.filter((name) => !known.has(name))).toEqual([]);
    }
    await queue.close();
  });
});

describeWith("promtool", "metrics, rules and a real scrape", () => {
  it("pass promtool, and Prometheus reads them and evaluates the alerts", async () => {
    const { register, queue } = await setUp();
    const rules = new URL("../../examples/prometheus/alerts.yml", import.meta.url).pathname;
    execFileSync("promtool", ["check", "rules", rules]);
    execFileSync("promtool", ["check", "metrics"], { input: await register.metrics() });
    const server = createServer(async (_request, response) => {
      response.setHeader("content-type", register.contentType).end(await register.metrics());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const directory = mkdtempSync(join(tmpdir(), "eka-ci-prometheus-"));
    const config = join(directory, "prometheus.yml");
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: "1s", evaluation_interval: "1s" },
        rule_files: [rules],
        scrape_configs: [{ job_name: "queue", static_configs: [{ targets: [target] }] }],
      }),
    );
    const port = await findFreePort();
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${directory}/data`];
    const child = spawn("prometheus", [...args, `--web.listen-address=127.0.0.1:${port}`], {
      stdio: "ignore",
    });
    const ended = once(child, "close");
    const ask = async (path: string) =>
      JSON.parse(await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).text());
    try {
      await vi.waitFor(
        async () => {
          const { data } = await ask(
            `query?query=${encodeURIComponent('eka_ci_caches_deliveries_settled_total{status="pushed"}')}`,
          );
          expect(data.result[0]).toMatchObject({ metric: { cache: "a" }, value: [expect.any(Number), "1"] });
        },
        { timeout: 20_000, interval: 250 },
      );
      await vi.waitFor(
        async () => {
          const { data } = await ask("rules");
          const health = data.groups.flatMap(({ rules: list }: { rules: { health: string }[] }) =>
            list.map((rule) => rule.health),
          );
          expect(new Set(health)).toEqual(new Set(["ok"]));
        },
        { timeout: 20_000, interval: 250 },
      );
    } finally {
      child.kill("SIGKILL");
      await ended;
      server.close();
      server.closeAllConnections();
      rmSync(directory, { recursive: true, force: true });
      await queue.close();
    }
  });
});
