import { createServer, type Server } from "node:http";
import {
  createReloadingRegistry,
  PushQueue,
  type RegistryReload,
  type ReloadingRegistry,
} from "../../index.ts";
import type { PrometheusMetrics } from "../../prometheus/index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT, usage } from "../exit-codes.ts";
import { notifySystemd } from "../notify-systemd.ts";
import { openJournal } from "../open-journal.ts";
import { openLedger } from "../open-ledger.ts";
import { type Output, show } from "../output.ts";
import { runCommand } from "../run-command.ts";

type WorkerFlags = Omit<CommonFlags, "json"> & {
  readonly journal: string;
  readonly ledger?: string | undefined;
  readonly store?: readonly string[] | undefined;
  readonly metrics?: number | undefined;
  readonly drainSeconds: number;
};

/** Takes deliveries and pushes them until it is told to stop. */
export async function worker(this: CliContext, flags: WorkerFlags): Promise<void> {
  await runCommand(this, { json: false }, async (output) => {
    const onReload = (reload: RegistryReload): void => output.note(describeReload(reload));
    await using registry = await createReloadingRegistry(flags.config, { onReload });
    const metrics = flags.metrics === undefined ? undefined : await loadMetrics();
    const [store = "local", ...stores] = flags.store ?? [];
    const queue = new PushQueue(() => registry.current, {
      journal: await openJournal(flags.journal),
      ledger: flags.ledger === undefined ? undefined : await openLedger(flags.ledger),
      role: "consumer",
      stores: [store, ...stores],
      onEvent: metrics?.onEvent,
    });
    try {
      await work(this, flags, { queue, registry, metrics, output });
    } finally {
      await queue.close();
    }
    return EXIT.ok;
  });
}

interface Work {
  readonly queue: PushQueue;
  readonly registry: ReloadingRegistry;
  readonly metrics: PrometheusMetrics | undefined;
  readonly output: Output;
}

/** Reports readiness, and waits until it is told to stop. */
async function work(context: CliContext, flags: WorkerFlags, work: Work): Promise<void> {
  const { queue, registry, metrics, output } = work;
  const server = metrics === undefined ? undefined : await serve(queue, metrics, flags.metrics ?? 0, output);
  const stopReloading = context.onSignal("SIGHUP", () => void registry.reload());
  try {
    const notify = notifySystemd(context.process.env);
    notify("READY=1");
    output.note("ready");
    const signal = await untilStopped(context);
    notify("STOPPING=1");
    output.note(`${signal}: taking nothing more, and waiting for running deliveries`);
    await stop(context, queue, flags.drainSeconds * 1_000);
  } finally {
    stopReloading();
    server?.close();
    server?.closeAllConnections();
  }
}

/** The first signal to stop. */
function untilStopped(context: CliContext): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stops = (["SIGTERM", "SIGINT"] as const).map((signal) =>
      context.onSignal(signal, () => {
        for (const end of stops) end();
        resolve(signal);
      }),
    );
  });
}

/** Waits for running deliveries within a limit; a second signal aborts them. */
async function stop(context: CliContext, queue: PushQueue, timeoutMs: number): Promise<void> {
  const impatient = new AbortController();
  const stops = (["SIGTERM", "SIGINT"] as const).map((signal) =>
    context.onSignal(signal, () => impatient.abort()),
  );
  // What has not ended by then is aborted, and goes to another worker.
  await queue.finish({ timeoutMs, signal: impatient.signal }).catch(() => undefined);
  for (const end of stops) end();
}

function describeReload(reload: RegistryReload): string {
  switch (reload.status) {
    case "unchanged":
      return "The configuration is the same";
    case "failed":
      return `The configuration does not load, so the old one stays in use: ${show(reload.error.message)}`;
    case "reloaded": {
      const { added, removed, changed } = reload.changes;
      const parts = [
        `${added.length} caches added`,
        `${removed.length} removed`,
        `${changed.length} changed`,
      ];
      return `The configuration was reloaded: ${parts.join(", ")}`;
    }
  }
}

/** The metrics, if their package is installed. */
async function loadMetrics(): Promise<PrometheusMetrics> {
  try {
    const { createPrometheusMetrics } = await import("../../prometheus/index.ts");
    return createPrometheusMetrics();
  } catch {
    throw usage("--metrics needs the package prom-client; install it beside this one");
  }
}

/** `/metrics` and `/health`, only on the loopback interface. */
async function serve(
  queue: PushQueue,
  { observe, register }: PrometheusMetrics,
  port: number,
  output: Output,
): Promise<Server> {
  observe(queue);
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === "/metrics")
        response.setHeader("content-type", register.contentType).end(await register.metrics());
      else if (request.url === "/health") {
        const health = queue.health();
        response.writeHead(health.status === "failed" ? 503 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(health));
      } else response.writeHead(404).end();
    };
    answer().catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", () =>
      reject(usage(`Cannot listen on port ${port} of 127.0.0.1; choose another for --metrics`)),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  output.note(`metrics on http://127.0.0.1:${typeof address === "object" ? address?.port : port}/metrics`);
  return server;
}
