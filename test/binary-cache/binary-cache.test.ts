import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  type CacheDestination,
  createNodeRuntime,
  type HttpResponse,
  parseServerConfig,
  Secret,
} from "@eka-ci/caches";
import { afterAll, describe, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import type { BinaryCache } from "../../src/binary-cache/binary-cache.ts";
import { fixedCredentials } from "../../src/binary-cache/cache-credentials.ts";
import { decodeContent, encodeContent } from "../../src/binary-cache/content-encoding.ts";
import { HttpBinaryCache } from "../../src/binary-cache/http-binary-cache.ts";
import { openBinaryCache } from "../../src/binary-cache/open-binary-cache.ts";
import { startExternal } from "../integration/servers/external-server.ts";
import { startNginx } from "../integration/servers/nginx.ts";
import { startVersitygw, VERSITY_KEYS } from "../integration/servers/versitygw.ts";
import { describeWith } from "../support/requirement.ts";
import { S3_KEYS, S3_REGION, type StrictS3Options, StrictS3Server } from "../support/strict-s3-server.ts";

const { http, clock, random } = createNodeRuntime();
const directory = mkdtempSync(join(tmpdir(), "eka-ci-cache-"));
afterAll(() => rmSync(directory, { recursive: true }));

const quick = { ...random, fraction: () => 0 };
const never = new AbortController().signal;
const credentials = fixedCredentials(new Map());

async function open(destination: string, env: Record<string, string>): Promise<BinaryCache & Disposable> {
  const { caches } = parseServerConfig(`
    security = { allow_private_cache_hosts = true }
    [[caches]]
    id = "one"
    cache_type = "nix-copy"
    destination = "${destination}"
    credentials = "none"`);
  const session = http.connect?.({ maxConnections: 8 });
  if (session === undefined || caches[0] === undefined) throw new Error("Node has sessions");
  const target: CacheDestination = caches[0].destination;
  const secrets = new Map(Object.entries(env).map(([name, value]) => [name, new Secret(value)]));
  const options = { session, clock, random: quick, credentials: fixedCredentials(secrets) };
  const cache = await openBinaryCache(target, secrets, options);
  return Object.assign(cache, { [Symbol.dispose]: () => session[Symbol.dispose]() });
}

function makeFile(size: number): { readonly path: string; readonly bytes: Buffer } {
  const path = join(directory, randomBytes(8).toString("hex"));
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, bytes };
}

interface Opened extends AsyncDisposable {
  readonly cache: BinaryCache;
}

/** A cache, with the server that ends after it. */
function toOpened(cache: BinaryCache & Disposable, server: AsyncDisposable): Opened {
  return {
    cache,
    [Symbol.asyncDispose]: async () => {
      cache[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What every binary cache does. */
function describeBinaryCache(name: string, start: () => Promise<Opened>, { keepsHeaders = true } = {}): void {
  describe(name, () => {
    const get = (cache: BinaryCache, key: string) => cache.get(key, { signal: never, maxBytes: 1_000_000 });

    it("gives back what was put, and says what is not there", async () => {
      await using opened = await start();
      const { cache } = opened;
      expect(await get(cache, "a.narinfo")).toBeUndefined();
      expect(await cache.size("a.narinfo", never)).toBeUndefined();
      const body = new TextEncoder().encode("StorePath: /nix/store/x\n");
      await cache.put("a.narinfo", { contentType: "text/x-nix-narinfo", body }, never);
      expect(Buffer.from((await get(cache, "a.narinfo")) ?? []).toString()).toBe("StorePath: /nix/store/x\n");
      expect(await cache.size("a.narinfo", never)).toBe(body.length);
      expect([await cache.has("a.narinfo", never), await cache.has("b.narinfo", never)]).toEqual([
        true,
        false,
      ]);
    });

    it.each(["gzip", "br"] as const)(
      "gives back in the clear what was put compressed by %s",
      async (encoding) => {
        await using opened = await start();
        const content = Buffer.from("StorePath: /nix/store/x\n".repeat(100));
        const body = await encodeContent(content, encoding);
        expect(body.length).toBeLessThan(content.length);
        const object = { contentType: "text/x-nix-narinfo", contentEncoding: encoding, body };
        await opened.cache.put(`${encoding}.narinfo`, object, never);
        const got = await get(opened.cache, `${encoding}.narinfo`);
        // A server that keeps no headers gives back what it got, to Nix as well.
        expect(keepsHeaders ? Buffer.from(got ?? []).toString() : got?.length).toBe(
          keepsHeaders ? content.toString() : body.length,
        );
      },
    );

    it("takes another object in place of one", async () => {
      await using opened = await start();
      const { cache } = opened;
      for (const text of ["first", "2nd"])
        await cache.put("x", { contentType: "text/plain", body: new TextEncoder().encode(text) }, never);
      expect(Buffer.from((await get(cache, "x")) ?? []).toString()).toBe("2nd");
    });

    it.each([0, 3, 300_000, 17_000_000, 40_000_000])("takes a file of %i bytes", async (size) => {
      await using opened = await start();
      const { cache } = opened;
      const { path, bytes } = makeFile(size);
      const key = "nar/1l34blarx4j2cm22f3gf82fml2yvpvndwbxnk2ly2l6vqnaq97rw.nar.zst";
      await cache.put(key, { contentType: "application/x-nix-nar", body: { path, size } }, never);
      expect(await cache.size(key, never)).toBe(size);
      const there = await cache.get(key, { signal: never, maxBytes: size + 1 });
      expect(Buffer.from(there ?? []).equals(bytes)).toBe(true);
    });

    it("encodes what a key may have", async () => {
      await using opened = await start();
      const { cache } = opened;
      const key = "realisations/sha256:0f!out.doi";
      await cache.put(key, { contentType: "application/json", body: new Uint8Array([1]) }, never);
      expect(await cache.size(key, never)).toBe(1);
    });

    it("ends when it is aborted", async () => {
      await using opened = await start();
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(opened.cache.get("x", { signal, maxBytes: 1 })).rejects.toThrow("enough");
    });
  });
}

const KEEPS_NO_HEADERS = { keepsHeaders: false };

describeBinaryCache(
  "an HTTP cache on the loopback",
  async () => {
    const server = await BinaryCacheServer.start({ credentials: { username: "ci", password: "canary" } });
    const cache = await open(server.url, { HTTP_USERNAME: "ci", HTTP_PASSWORD: "canary" });
    return toOpened(cache, server);
  },
  KEEPS_NO_HEADERS,
);

describeWith("nginx", "a binary cache at nginx", () => {
  describeBinaryCache(
    "with a password",
    async () => {
      const server = await startNginx({ credentials: { username: "ci", password: "canary" } });
      const cache = await open(`${server.url}/deep/cache`, { HTTP_USERNAME: "ci", HTTP_PASSWORD: "canary" });
      return toOpened(cache, server);
    },
    KEEPS_NO_HEADERS,
  );
});

const ENV = { AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey };

async function openStrict(options: StrictS3Options = {}, env: Record<string, string> = ENV) {
  const server = await StrictS3Server.start(options);
  const cache = await open(`s3://bucket/a%20b/c?endpoint=${server.url}&region=${S3_REGION}`, env);
  return {
    server,
    cache,
    [Symbol.asyncDispose]: async () => {
      cache[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

describeBinaryCache("a bucket of a strict server", () => openStrict());
describeBinaryCache("a bucket of a strict server, with a session", () =>
  openStrict({ sessionToken: "canary-session" }, { ...ENV, AWS_SESSION_TOKEN: "canary-session" }),
);
describeBinaryCache("a bucket of a server that drops its kept connections", () =>
  openStrict({ requestsPerConnection: 1 }),
);

describeWith("moto_server", "a binary cache at moto", () => {
  describeBinaryCache("with keys", async () => {
    const moto = await startExternal("moto_server", (port) => ["-H", "127.0.0.1", "-p", String(port)]);
    await fetch(`${moto.url}/bucket`, { method: "PUT" });
    const cache = await open(`s3://bucket/cache?endpoint=${moto.url}&region=us-east-1`, ENV);
    return toOpened(cache, moto);
  });
});

describeWith("versitygw", "a binary cache at versitygw", () => {
  describeBinaryCache("with keys", async () => {
    const server = await startVersitygw();
    const parameters = `endpoint=${server.url}&region=us-east-1`;
    const cache = await open(`s3://bucket/cache?${parameters}`, VERSITY_KEYS);
    return toOpened(cache, server);
  });
});

describe("what a cache has compressed", () => {
  const body = new Uint8Array(gzipSync(Buffer.alloc(1_000_000)));

  it("is not read beyond its bound", async () => {
    expect(await decodeContent(body, "gzip", 999_999)).toBeUndefined();
    expect(await decodeContent(body, " GZIP", 1_000_000)).toHaveLength(1_000_000);
  });

  it.each(["zstd", "gzip, br", "constructor"])("in a way that is not known (%s) is not there", async (said) =>
    expect(await decodeContent(body, said, 2_000_000)).toBeUndefined(),
  );

  it("is not there where it is broken", async () =>
    expect(await decodeContent(body.subarray(5), "gzip", 2_000_000)).toBeUndefined());
});

describe("a request that fails", () => {
  const PUT = { contentType: "text/plain", body: new Uint8Array([1]) };
  const toError = (code: string): string => `<Error><Code>${code}</Code><Message>said so</Message></Error>`;

  it.each([
    [503, toError("SlowDown"), 6],
    [500, toError("InternalError"), 6],
    [400, toError("RequestTimeout"), 6],
    [429, "", 6],
    [520, "", 6],
    [403, toError("AccessDenied"), 1],
    [400, toError("ExpiredToken"), 1],
    [413, "", 1],
    [501, toError("NotImplemented"), 1],
    [507, "", 1],
    [301, toError("PermanentRedirect"), 1],
  ])("with %i %s is sent %i times at most", async (status, body, times) => {
    await using opened = await openStrict({ override: () => ({ status, body }) });
    const failure = await opened.cache.put("x", PUT, never).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "PushError", code: "ERR_PUSH_FAILED", answer: { status } });
    expect(opened.server.seen).toHaveLength(times);
  });

  it("names the storage class where a service knows none", async () => {
    const isOfClass = (request: IncomingMessage): boolean =>
      request.headers["x-amz-storage-class"] !== undefined;
    await using server = await StrictS3Server.start({
      override: (request) =>
        isOfClass(request) ? { status: 501, body: toError("NotImplemented") } : undefined,
    });
    const parameters = `endpoint=${server.url}&region=${S3_REGION}&storage-class=STANDARD_IA`;
    using cache = await open(`s3://bucket?${parameters}`, ENV);
    await expect(cache.put("x", PUT, never)).rejects.toMatchObject({
      message: expect.stringContaining("x-amz-storage-class"),
    });
  });

  it("goes on where the trouble passes", async () => {
    let left = 3;
    await using opened = await openStrict({
      override: () => (left-- > 0 ? { status: 503, body: toError("SlowDown") } : undefined),
    });
    await opened.cache.put("x", PUT, never);
    expect(opened.server.objects.size).toBe(1);
  });

  it("is left to another attempt where the server asks to wait for long", async () => {
    await using server = await BinaryCacheServer.start({ fail: () => 503 });
    const slow = {
      send: async () => ({ status: 503, headers: { "retry-after": "3600" }, body: new Uint8Array() }),
    };
    const session = { ...slow, [Symbol.dispose]: () => {} };
    const cache = new HttpBinaryCache(`${server.url}/`, () => ({}), { session, clock, random, credentials });
    await expect(cache.put("x", PUT, never)).rejects.toMatchObject({ answer: { retryAfterMs: 3_600_000 } });
  });

  it("is never taken for a success, whatever a client of the host's own throws or answers", async () => {
    for (const send of [
      () => Promise.reject({ code: "ECONNRESET" }),
      async () => ({ headers: {}, body: new Uint8Array() }) as HttpResponse,
    ]) {
      const session = { send, [Symbol.dispose]: () => {} };
      const cache = new HttpBinaryCache("http://x/", () => ({}), { session, clock, random, credentials });
      const outcome = await cache.put("x", PUT, never).then(
        () => "success",
        () => "failure",
      );
      expect(outcome).toBe("failure");
    }
  });

  it("takes back the parts of an upload that cannot be ended", async () => {
    await using opened = await openStrict({
      override: ({ url = "" }) =>
        url.includes("partNumber=2") ? { status: 403, body: toError("AccessDenied") } : undefined,
    });
    const { path } = makeFile(40_000_000);
    const object = { contentType: "application/x-nix-nar", body: { path, size: 40_000_000 } };
    await expect(opened.cache.put("x", object, never)).rejects.toMatchObject({
      answer: { code: "AccessDenied" },
    });
    expect([opened.server.unfinished, opened.server.objects.size]).toEqual([0, 0]);
  });

  it("hears a completion that says 200 and an error", async () => {
    await using opened = await openStrict({
      override: ({ url = "", method }) =>
        method === "POST" && !url.includes("uploads=")
          ? { status: 200, body: toError("InternalError") }
          : undefined,
    });
    const { path } = makeFile(17_000_000);
    const object = { contentType: "application/x-nix-nar", body: { path, size: 17_000_000 } };
    await expect(opened.cache.put("x", object, never)).rejects.toMatchObject({
      answer: { code: "InternalError" },
    });
  });

  it.each([
    [
      "<Error><Code>AccessDenied</Code><Message>you sent canary-strict-secret</Message></Error>",
      "AccessDenied",
    ],
    ["<Error><Code>canary4f1d9c</Code></Error>", "HTTP 403"],
    ["<html>canary \u001b[31m</html>", "HTTP 403"],
  ])("shows nothing that a server may have been sent: %s", async (body, shown) => {
    await using opened = await openStrict({ override: () => ({ status: 403, body }) });
    const failure: unknown = await opened.cache.put("x", PUT, never).catch((error: unknown) => error);
    const message = failure instanceof Error ? failure.message : "";
    expect(message).toContain(shown);
    expect(message).not.toContain("canary");
    expect(message).not.toContain("\u001b");
  });

  it("with wrong keys is refused by the strict server", async () => {
    await using opened = await openStrict({}, { ...ENV, AWS_SECRET_ACCESS_KEY: "canary-wrong" });
    await expect(opened.cache.put("x", PUT, never)).rejects.toMatchObject({
      answer: { code: "SignatureDoesNotMatch" },
    });
  });
});
