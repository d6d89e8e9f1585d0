/**
 * A CI server in small: builds that finish arrive over HTTP, wait in a queue, and are pushed. It shows where the facts of a request
 * come from, what is answered at once and what later, and how such a server stops. `npx tsx examples/http-server.ts` starts it, has it
 * push two builds to a cache on the loopback interface, and stops it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CacheRegistry,
  createLineSink,
  PushQueue,
  type PushReport,
  parseGitRef,
  parseRepositoryConfig,
} from "@eka-ci/caches";
import { BinaryCacheServer } from "./support/binary-cache-server.ts";
import { openStage } from "./support/stage.ts";

/** What the builders of this server send when a build is done. Who it is for was checked when the build began. */
interface FinishedBuild {
  readonly repository: string;
  readonly ref: string;
  readonly job: string;
  readonly outputs: readonly string[];
  /** The repository's own `.eka-ci/config.json`, as it was in the commit that was built. */
  readonly repositoryConfig: string;
}

/** `POST /builds` takes a build, `GET /pushes/<id>` tells what became of it, `GET /health` whether pushing would work. */
class BuildServer {
  readonly #registry: CacheRegistry;
  readonly #queue: PushQueue;
  readonly #reports = new Map<string, PushReport | "waiting">();
  readonly #server: Server;

  constructor(registry: CacheRegistry) {
    this.#registry = registry;
    this.#queue = new PushQueue(registry);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        // A message of this package holds no secret and no received value; one of another library might.
        console.error(error instanceof Error ? error.name : "unknown error");
        send(response, 500, { error: "internal" });
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Takes nothing more, finishes what was accepted, and closes. */
  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#queue.drain();
    await this.#queue.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = "/" } = request;
    if (method === "POST" && url === "/builds") return send(response, 202, await this.#take(request));
    if (method === "GET" && url === "/health") {
      const { ok, tools, caches } = await this.#registry.check();
      return send(response, ok ? 200 : 503, { tools: tools.map(({ tool, ok }) => ({ tool, ok })), caches });
    }
    const report = this.#reports.get(url.replace("/pushes/", ""));
    if (method === "GET" && report !== undefined) return send(response, 200, { report });
    send(response, 404, { error: "not found" });
  }

  async #take(request: IncomingMessage): Promise<object> {
    const build = JSON.parse(await readBody(request)) as FinishedBuild;
    const { jobs } = parseRepositoryConfig(build.repositoryConfig);
    const ticket = await this.#queue.enqueue({
      repository: build.repository,
      ref: parseGitRef(build.ref),
      job: build.job,
      caches: jobs.get(build.job)?.caches ?? [],
      storePaths: build.outputs,
    });
    this.#reports.set(ticket.id, "waiting");
    void ticket.done.then((report) => this.#reports.set(ticket.id, report));
    return { id: ticket.id };
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const toToml = (cacheUrl: string): string => `
  [security]
  allow_private_cache_hosts = true
  [[caches]]
  id = "team"
  cache_type = "nix-copy"
  destination = "${cacheUrl}"
  credentials = "none"
  permissions = { allow_all = false, allowed_repos = ["company/*"], allowed_branches = ["main"] }`;

async function main(): Promise<void> {
  await using cache = await BinaryCacheServer.start();
  await using stage = await openStage(2);
  const auditSinks = [createLineSink({ write: (line) => void process.stdout.write(`  ${line}`) })];
  await using registry = CacheRegistry.fromToml(toToml(cache.url), { ...stage.options, auditSinks });
  const server = new BuildServer(registry);
  const url = await server.listen();

  const repositoryConfig = '{ "jobs": { "backend": { "file": "backend.nix", "caches": ["team"] } } }';
  const ids: string[] = [];
  for (const [index, ref] of ["refs/heads/main", "refs/heads/wip"].entries()) {
    const build: FinishedBuild = {
      repository: "company/backend",
      ref,
      job: "backend",
      outputs: stage.storePaths.slice(index, index + 1),
      repositoryConfig,
    };
    const response = await fetch(`${url}/builds`, { method: "POST", body: JSON.stringify(build) });
    ids.push(((await response.json()) as { id: string }).id);
  }
  const health = (await (await fetch(`${url}/health`)).json()) as {
    tools: readonly { tool: string; ok: boolean }[];
  };
  console.log(health.tools.map(({ tool, ok }) => `${tool} ${ok ? "works" : "does not work"}`).join(", "));
  await waitFor(async () => {
    const answers = await Promise.all(ids.map(async (id) => (await fetch(`${url}/pushes/${id}`)).text()));
    return answers.every((answer) => !answer.includes("waiting"));
  });
  for (const id of ids) {
    const { report } = (await (await fetch(`${url}/pushes/${id}`)).json()) as { report: PushReport };
    for (const { cacheId, status } of report.results) console.log(`${cacheId}: ${status}`);
  }
  await server.stop();
  console.log("The server has stopped.");
}

async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 300; round++) {
    if (await isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The pushes are not settled after 30 s");
}

await main();
