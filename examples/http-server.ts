/**
 * A small CI server. A forge reports what was pushed; finished builds arrive over HTTP, wait in a queue, and
 * are pushed. It shows where the facts of a request come from (the forge's signed event, never the builder or
 * the repository), what is answered at once and what later, and how such a server stops.
 * `npx tsx examples/http-server.ts` starts it, pushes two builds to a cache on the loopback interface, and
 * stops it.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CacheRegistry,
  createLineSink,
  PushQueue,
  type PushReport,
  parseRepositoryConfig,
} from "@eka-ci/caches";
import { ForgeError, type ForgeEvent, readForgeEvent } from "@eka-ci/caches/forges";
import { BinaryCacheServer } from "./support/binary-cache-server.ts";
import { openStage } from "./support/stage.ts";

/**
 * What the builders of this server send when a build is done. The forge's event about the commit says who it
 * is for.
 */
interface FinishedBuild {
  readonly commit: string;
  readonly job: string;
  readonly outputs: readonly string[];
  /** The repository's `.eka-ci/config.json` in the commit that was built. */
  readonly repositoryConfig: string;
}

/**
 * Largest body that is read. GitHub sends events of up to 25 MB; those of pushes and pull requests are far
 * smaller.
 */
const MAX_BODY_BYTES = 1024 * 1024;
/** How long a signed body is remembered, in milliseconds, because a signature has no time. */
const REPLAY_WINDOW_MS = 10 * 60_000;
/** How many bodies and commits are remembered. */
const MAX_REMEMBERED = 10_000;

class BodyTooLarge extends Error {}

/**
 * `POST /webhook` accepts a forge's event, and `POST /builds` a build. `GET /pushes/<id>` returns its
 * outcome, and `GET /health` whether pushing would work.
 */
class BuildServer {
  readonly #registry: CacheRegistry;
  readonly #secret: string;
  readonly #seen = new Map<string, number>();
  readonly #events = new Map<string, ForgeEvent>();
  readonly #queue: PushQueue;
  readonly #reports = new Map<string, PushReport | "waiting">();
  readonly #server: Server;

  constructor(registry: CacheRegistry, secret: string) {
    this.#registry = registry;
    this.#secret = secret;
    this.#queue = new PushQueue(registry);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (error instanceof BodyTooLarge) return send(response, 413, { error: "too large" });
        if (error instanceof ForgeError)
          return send(response, error.code === "ERR_FORGE_SIGNATURE" ? 401 : 400, { error: error.code });
        // Messages of this package contain no secret and no received value; those of other libraries might.
        console.error(error instanceof Error ? error.name : "unknown error");
        send(response, 500, { error: "internal" });
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Accepts nothing more, finishes what was accepted, and closes. */
  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#queue.drain();
    await this.#queue.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = "/" } = request;
    if (method === "POST" && url === "/webhook") return send(response, 202, await this.#hear(request));
    if (method === "POST" && url === "/builds") return send(response, 202, await this.#take(request));
    if (method === "GET" && url === "/health") {
      const { ok, tools, caches } = await this.#registry.check();
      return send(response, ok ? 200 : 503, { tools: tools.map(({ tool, ok }) => ({ tool, ok })), caches });
    }
    const report = this.#reports.get(url.replace("/pushes/", ""));
    if (method === "GET" && report !== undefined) return send(response, 200, { report });
    send(response, 404, { error: "not found" });
  }

  /** Remembers what a forge reports about a commit; a build of it would start here. */
  async #hear(request: IncomingMessage): Promise<object> {
    const body = await readBody(request);
    const event = await readForgeEvent({ headers: request.headers, body, secret: this.#secret });
    if (event?.commit === undefined || event.isDeleted || this.#isRepetition(body)) return {};
    remember(this.#events, event.commit, event);
    return { commit: event.commit };
  }

  #isRepetition(body: Buffer): boolean {
    const now = Date.now();
    // The id of a delivery is a header, which no signature covers. Only the body is signed.
    const digest = createHash("sha256").update(body).digest("base64");
    const seenAt = this.#seen.get(digest);
    remember(this.#seen, digest, now);
    return seenAt !== undefined && now - seenAt < REPLAY_WINDOW_MS;
  }

  async #take(request: IncomingMessage): Promise<object> {
    const build = JSON.parse((await readBody(request)).toString("utf8")) as FinishedBuild;
    const event = this.#events.get(build.commit);
    if (event === undefined) return { error: "no forge has told of this commit" };
    const { jobs } = parseRepositoryConfig(build.repositoryConfig);
    const { repository, ref, commit } = event;
    const ticket = await this.#queue.enqueue({
      ...{ repository, ref, commit },
      job: build.job,
      caches: jobs.get(build.job)?.caches ?? [],
      storePaths: build.outputs,
    });
    this.#reports.set(ticket.id, "waiting");
    void ticket.done.then((report) => this.#reports.set(ticket.id, report));
    return { id: ticket.id };
  }
}

/** Reads the bytes of a body as received, up to a limit. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Keeps the latest entries. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
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
  const secret = randomBytes(32).toString("hex");
  const server = new BuildServer(registry, secret);
  const url = await server.listen();

  const repositoryConfig = '{ "jobs": { "backend": { "file": "backend.nix", "caches": ["team"] } } }';
  const ids: string[] = [];
  for (const [index, ref] of ["refs/heads/main", "refs/heads/wip"].entries()) {
    const commit = randomBytes(20).toString("hex");
    const status = await sendPush(`${url}/webhook`, secret, ref, commit);
    const forged = await sendPush(`${url}/webhook`, "a guess", "refs/heads/main", commit);
    console.log(`The forge tells of ${ref}: ${status}; somebody else does: ${forged}`);
    const build: FinishedBuild = {
      commit,
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

/** Sends what GitHub sends for a push. */
async function sendPush(url: string, secret: string, ref: string, commit: string): Promise<number> {
  const body = JSON.stringify({
    ...{ ref, after: commit, deleted: false, head_commit: { id: commit } },
    repository: { full_name: "company/backend" },
  });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const headers = { "x-github-event": "push", "x-hub-signature-256": `sha256=${signature}` };
  return (await fetch(url, { method: "POST", headers, body })).status;
}

async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 300; round++) {
    if (await isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The pushes are not settled after 30 s");
}

await main();
