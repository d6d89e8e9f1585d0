import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CacheRegistry } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { classifyRun } from "../../src/execution/failure.ts";
import { describeEachNix } from "../support/requirement.ts";

/** Answers a PUT in place of a cache. */
type Misbehave = (response: ServerResponse) => void;

/** A cache that has nothing, takes everything, and misbehaves where a path is put, or asked for. */
async function startCache(
  misbehave: Misbehave,
  wherePut: (path: string) => boolean,
  whereAsked: (path: string) => boolean = () => false,
) {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const where = request.method === "PUT" ? wherePut : whereAsked;
      if (where(request.url ?? "")) misbehave(response);
      else response.writeHead(request.method === "PUT" ? 201 : 404).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const answer =
  (status: number, body = ""): Misbehave =>
  (response) => {
    response.writeHead(status, { "content-type": "application/xml" }).end(body);
  };
const s3 = (code: string): string => `<Error><Code>${code}</Code><Message>said so</Message></Error>`;
const isNarinfo = (path: string): boolean => path.endsWith(".narinfo");

describeEachNix("what nix says of a server that misbehaves", (searchPath) => {
  let store: PrivateNixStore;
  let number = 0;
  beforeAll(async () => {
    store = await PrivateNixStore.create(searchPath);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  async function push(url: string) {
    const toml = `
      [security]
      allow_private_cache_hosts = true
      [[caches]]
      id = "one"
      cache_type = "nix-copy"
      destination = "${url}"
      upload = "nix"
      credentials = "none"`;
    await using registry = CacheRegistry.fromToml(toml, { runtime: { env: store.env }, verify: "never" });
    const [path = ""] = await store.addMany(`failing-${number++}`, 1);
    const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [path] };
    const [result] = (await registry.push(request)).results;
    if (result?.status !== "failed") throw new Error(`The push ended as ${result?.status}`);
    const run = result.executions.at(-1);
    if (run === undefined) throw new Error("Nothing was run");
    return { ...classifyRun(run), message: result.error.message };
  }

  const outcomeOf = async (misbehave: Misbehave, where = isNarinfo) => {
    await using cache = await startCache(misbehave, where);
    return await push(cache.url);
  };

  it.each<[status: number, failureClass: string, isWholeServer: boolean]>([
    [400, "permanent", false],
    [401, "credentials", true],
    [402, "permanent", false],
    [403, "credentials", true],
    [404, "permanent", false],
    [405, "permanent", true],
    [408, "transient", false],
    [409, "permanent", false],
    [410, "permanent", false],
    [411, "permanent", true],
    [413, "permanent", false],
    [422, "permanent", false],
    [425, "transient", false],
    [429, "transient", true],
    [499, "transient", false],
    [500, "transient", false],
    [501, "permanent", true],
    [502, "transient", false],
    [503, "transient", true],
    [504, "transient", false],
    [507, "permanent", true],
    [511, "permanent", true],
    [520, "transient", false],
    [522, "transient", true],
    [524, "transient", false],
    [526, "permanent", true],
    [529, "transient", true],
    [530, "transient", false],
  ])("%i is %s (whole server: %s)", async (status, failureClass, isWholeServer) => {
    const outcome = await outcomeOf(answer(status));
    expect(outcome).toMatchObject({ failureClass, isWholeServer });
    expect(outcome.message).toContain(`HTTP error ${status}`);
  });

  it.each([
    [400, "ExpiredToken", "credentials"],
    [400, "RequestTimeout", "transient"],
    [403, "RequestTimeTooSkewed", "transient"],
    [400, "IncompleteBody", "transient"],
    [404, "NoSuchBucket", "permanent"],
  ])(
    "%i with the code %s is %s, where nix shows what the server wrote",
    async (status, code, failureClass) => {
      const { message, ...outcome } = await outcomeOf(answer(status, s3(code)));
      expect(message).toContain(code);
      expect(outcome).toMatchObject({ failureClass });
    },
  );

  it.each<[name: string, misbehave: Misbehave]>([
    ["closes without an answer", (response) => response.destroy()],
    ["resets the connection", (response) => void response.socket?.resetAndDestroy()],
    [
      "cuts its answer",
      (response) => {
        response.writeHead(200, { "content-length": "1000" }).write("half");
        setTimeout(() => response.destroy(), 20);
      },
    ],
  ])("one that %s is transient", async (_name, misbehave) => {
    expect(await outcomeOf(misbehave)).toMatchObject({ failureClass: "transient" });
  });

  it("one that answers every request with a page is transient, because it may be in maintenance", async () => {
    await using cache = await startCache(
      answer(200, "<html>back soon</html>"),
      () => true,
      () => true,
    );
    const outcome = await push(cache.url);
    expect(outcome.message).toContain("is corrupt");
    expect(outcome).toMatchObject({ failureClass: "transient", isWholeServer: false });
  });

  it("one that is away is transient, and a matter of the whole server", async () => {
    const cache = await startCache(answer(500), isNarinfo);
    await cache[Symbol.asyncDispose]();
    expect(await push(cache.url)).toMatchObject({ failureClass: "transient", isWholeServer: true });
  });

  it.each<[status: number, failureClass: string, isWholeServer: boolean]>([
    [400, "permanent", true],
    [401, "credentials", true],
    [403, "credentials", true],
    [404, "permanent", true],
    [405, "permanent", true],
    [429, "transient", true],
    [500, "transient", false],
    [503, "transient", true],
  ])(
    "of a first file that is refused (%i) nothing, so that the cache is asked: %s",
    async (status, ...expected) => {
      const outcome = await outcomeOf(answer(status), (path) => path.endsWith("/nix-cache-info"));
      expect(outcome.message).toContain("does not appear to be a binary cache");
      expect(outcome.message).toContain(`PUT nix-cache-info: HTTP error ${status}`);
      const [failureClass, isWholeServer] = expected;
      expect(outcome).toMatchObject({ failureClass, isWholeServer });
    },
  );

  it("of a first file whose answer is lost nothing, and the cache that takes it later is tried again", async () => {
    // curl itself asks a second time where a kept connection breaks.
    const once = (response: ServerResponse): void => {
      if (/Nix/u.test(String(response.req.headers["user-agent"]))) response.destroy();
      else response.writeHead(201).end();
    };
    const outcome = await outcomeOf(once, (path) => path.endsWith("/nix-cache-info"));
    expect(outcome).toMatchObject({ failureClass: "unknown" });
    expect(outcome.message).toContain("PUT nix-cache-info: HTTP 201");
  });
});
