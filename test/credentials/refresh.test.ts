import {
  CredentialError,
  type CredentialProvider,
  type Credentials,
  createCredentialResolver,
  defineCredentialSource,
  type ErrorCodes,
  Secret,
} from "@eka-ci/caches";
import { createFakeClock, createTestRuntime } from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it, vi } from "vitest";

const START = Date.parse("2026-01-01T00:00:00Z");
const MINUTE = 60_000;

/** A source that counts, with a life that a test chooses. */
function setUp(lifeMs: number | undefined, fraction = 0.5) {
  const clock = createFakeClock(new Date(START));
  let life = lifeMs;
  let failure: Error | undefined;
  let gate: Promise<void> | undefined;
  let answers = 0;
  const fetch = vi.fn<CredentialProvider>(async () => {
    const answer = `answer-${++answers}`;
    await gate;
    if (failure !== undefined) throw failure;
    const expiration = life === undefined ? undefined : new Date(clock.now() + life);
    return { env: new Map([["A_TOKEN", new Secret(answer)]]), expiration };
  });
  const runtime = createTestRuntime({ clock, random: { uuid: () => "u", fraction: () => fraction } });
  const definition = defineCredentialSource({
    type: "custom:counted",
    schema: v.unknown(),
    create: () => fetch,
  });
  const resolver = createCredentialResolver({ runtime, credentialSources: [definition] });
  const resolve = (request = {}) => resolver.resolve({ type: "custom:counted", options: {} }, request);
  const read = async (request = {}): Promise<string | undefined> =>
    (await resolve(request)).env.get("A_TOKEN")?.expose();
  return {
    resolver,
    clock,
    fetch,
    resolve,
    read,
    setLife: (next: number | undefined) => (life = next),
    fail: (code: ErrorCodes["CredentialError"] | undefined) => {
      failure =
        code === undefined ? undefined : new CredentialError(code, "custom:counted", "failed by the test");
    },
    failWith: (error: Error) => {
      failure = error;
    },
    hold: () => {
      let open: () => void = () => {};
      gate = new Promise((resolveGate) => {
        open = resolveGate;
      });
      return () => {
        gate = undefined;
        open();
      };
    },
  };
}

const settle = async (): Promise<void> => {
  for (let round = 0; round < 30; round++) await Promise.resolve();
};

describe("single flight", () => {
  it("a thousand at once make one request", async () => {
    const { fetch, resolve, hold } = setUp(60 * MINUTE);
    const open = hold();
    const answers = Array.from({ length: 1_000 }, () => resolve());
    await settle();
    open();
    const all = await Promise.all(answers);
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(new Set(all.map(({ env }) => env.get("A_TOKEN"))).size).toBe(1);
    expect(new Set(all.map(({ env }) => env)).size).toBe(1_000);
  });

  it("one that gives up leaves the others waiting, and the last one ends the request", async () => {
    const { fetch, resolve, hold } = setUp(60 * MINUTE);
    const open = hold();
    const [first, second] = [new AbortController(), new AbortController()];
    const gone = resolve({ signal: first.signal });
    const kept = resolve({ signal: second.signal });
    await settle();
    first.abort(new Error("first leaves"));
    await expect(gone).rejects.toThrow("first leaves");
    const signal = fetch.mock.calls[0]?.[0]?.signal;
    expect(signal?.aborted).toBe(false);
    second.abort(new Error("second leaves"));
    await expect(kept).rejects.toThrow("second leaves");
    expect(signal?.aborted).toBe(true);
    open();
    await expect(resolve()).resolves.toBeDefined();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it("who forces a refresh gets a request that began afterwards, and one for all who do", async () => {
    const { fetch, read, hold } = setUp(60 * MINUTE);
    const open = hold();
    const early = read();
    await settle();
    const forced = [read({ forceRefresh: true }), read({ forceRefresh: true })];
    await settle();
    open();
    expect(await early).toBe("answer-1");
    expect(await Promise.all(forced)).toEqual(["answer-2", "answer-2"]);
    expect(await read()).toBe("answer-2");
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it("what one caller does to its answer does not reach another", async () => {
    const { resolve } = setUp(60 * MINUTE);
    const { env } = await resolve();
    (env as Map<string, Secret>).set("LD_PRELOAD", new Secret("/evil.so"));
    expect([...(await resolve()).env.keys()]).toEqual(["A_TOKEN"]);
  });

  it("disposing the resolver ends a refresh that nobody waits for", async () => {
    const { clock, fetch, read, hold, resolver } = setUp(30 * MINUTE);
    await read();
    hold();
    clock.advance(25 * MINUTE);
    await read();
    await settle();
    const signal = fetch.mock.calls[1]?.[0]?.signal;
    expect(signal?.aborted).toBe(false);
    resolver[Symbol.dispose]();
    await settle();
    expect(signal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("different sources do not share an answer", async () => {
    const definition = defineCredentialSource({
      type: "custom:named",
      schema: v.object({ name: v.string() }),
      create:
        ({ name }) =>
        async (): Promise<Credentials> => ({ env: new Map([["A_TOKEN", new Secret(name)]]) }),
    });
    const resolver = createCredentialResolver({
      runtime: createTestRuntime(),
      credentialSources: [definition],
    });
    const read = async (name: string) =>
      (await resolver.resolve({ type: "custom:named", options: { name } })).env.get("A_TOKEN")?.expose();
    expect([await read("one"), await read("two"), await read("one")]).toEqual(["one", "two", "one"]);
  });
});

describe("an answer that expires", () => {
  it("is kept until a fifth of its life is left, then refreshed behind the caller", async () => {
    const { clock, fetch, read } = setUp(30 * MINUTE);
    expect(await read()).toBe("answer-1");
    clock.advance(23.9 * MINUTE);
    expect(await read()).toBe("answer-1");
    expect(fetch).toHaveBeenCalledTimes(1);
    clock.advance(0.2 * MINUTE);
    expect(await read()).toBe("answer-1");
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(await read()).toBe("answer-2");
  });

  it("is refreshed at most 10 minutes before its end, give or take a tenth", async () => {
    for (const [fraction, window] of [
      [0, 9],
      [0.999999, 11],
    ] as const) {
      const { clock, fetch, read } = setUp(12 * 60 * MINUTE, fraction);
      await read();
      clock.advance((12 * 60 - window - 0.1) * MINUTE);
      await read();
      await settle();
      expect(fetch).toHaveBeenCalledTimes(1);
      clock.advance(0.2 * MINUTE);
      await read();
      await settle();
      expect(fetch).toHaveBeenCalledTimes(2);
    }
  });

  it("is waited for in its last minute", async () => {
    const { clock, read } = setUp(30 * MINUTE);
    await read();
    clock.advance(29.1 * MINUTE);
    expect(await read()).toBe("answer-2");
  });

  it("is never used after its end, even where the source is unreachable", async () => {
    const { clock, read, fail } = setUp(30 * MINUTE);
    await read();
    fail("ERR_CREDENTIAL_UNREACHABLE");
    clock.advance(29.5 * MINUTE);
    expect(await read()).toBe("answer-1");
    clock.advance(5_001);
    expect(await read()).toBe("answer-1");
    clock.advance(MINUTE);
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNREACHABLE" });
  });

  it("is fetched anew where a push could outlive it, once, if the source gives no longer one", async () => {
    const { clock, fetch, read, setLife } = setUp(30 * MINUTE);
    await read();
    clock.advance(10 * MINUTE);
    setLife(60 * MINUTE);
    expect(await read({ minimumLifeMs: 25 * MINUTE })).toBe("answer-2");
    setLife(MINUTE * 5);
    clock.advance(50 * MINUTE);
    expect(await read({ minimumLifeMs: 25 * MINUTE })).toBe("answer-3");
    for (let round = 0; round < 10; round++)
      expect(await read({ minimumLifeMs: 25 * MINUTE })).toBe("answer-3");
    expect(fetch).toHaveBeenCalledTimes(3);
  });
});

describe("an answer without an end", () => {
  it("is kept for a minute", async () => {
    const { clock, fetch, read } = setUp(undefined);
    await read();
    clock.advance(MINUTE - 1);
    expect(await read()).toBe("answer-1");
    clock.advance(1);
    expect(await read()).toBe("answer-2");
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it.each<[code: ErrorCodes["CredentialError"], serves: boolean]>([
    ["ERR_CREDENTIAL_UNREACHABLE", true],
    ["ERR_CREDENTIAL_RATE_LIMITED", true],
    ["ERR_CREDENTIAL_UNAVAILABLE", true],
    ["ERR_CREDENTIAL_DENIED", false],
    ["ERR_CREDENTIAL_NOT_FOUND", false],
    ["ERR_CREDENTIAL_MALFORMED", false],
  ])("when the source then fails with %s, stands in: %s", async (code, serves) => {
    const { clock, read, fail } = setUp(undefined);
    await read();
    fail(code);
    clock.advance(2 * MINUTE);
    if (serves) expect(await read()).toBe("answer-1");
    else await expect(read()).rejects.toMatchObject({ code });
    clock.advance(9 * MINUTE);
    await expect(read()).rejects.toMatchObject({ code });
  });
});

describe("a failure", () => {
  it("is remembered for a few seconds", async () => {
    const { clock, fetch, read, fail } = setUp(undefined);
    fail("ERR_CREDENTIAL_DENIED");
    for (let round = 0; round < 10; round++)
      await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    expect(fetch).toHaveBeenCalledTimes(1);
    fail(undefined);
    clock.advance(5_000);
    expect(await read()).toBe("answer-2");
  });

  it("does not keep a forced refresh from trying", async () => {
    const { fetch, read, fail } = setUp(undefined);
    fail("ERR_CREDENTIAL_DENIED");
    await expect(read()).rejects.toThrow();
    fail(undefined);
    expect(await read({ forceRefresh: true })).toBe("answer-2");
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it("that asks to wait is remembered as long as it asks", async () => {
    const { clock, fetch, read, failWith } = setUp(undefined);
    failWith(new CredentialError("ERR_CREDENTIAL_RATE_LIMITED", "custom:counted", "later", 60_000));
    await expect(read()).rejects.toThrow();
    clock.advance(59_999);
    await expect(read()).rejects.toThrow();
    expect(fetch).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await expect(read()).rejects.toThrow();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it("of a forced refresh that is denied takes the refused answer away", async () => {
    const { clock, read, fail } = setUp(60 * MINUTE);
    await read();
    fail("ERR_CREDENTIAL_DENIED");
    await expect(read({ forceRefresh: true })).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    clock.advance(MINUTE);
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
  });

  it("of a forced refresh is not covered up by the kept answer", async () => {
    const { read, fail } = setUp(60 * MINUTE);
    await read();
    fail("ERR_CREDENTIAL_UNREACHABLE");
    await expect(read({ forceRefresh: true })).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNREACHABLE" });
    expect(await read()).toBe("answer-1");
  });

  it("of a refresh in the background that is denied ends what was given before", async () => {
    const { clock, read, fail } = setUp(30 * MINUTE);
    await read();
    fail("ERR_CREDENTIAL_DENIED");
    clock.advance(25 * MINUTE);
    await read();
    await settle();
    await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
  });

  it("of a refresh in the background disturbs nobody, and is not repeated at once", async () => {
    const { clock, fetch, read, fail } = setUp(30 * MINUTE);
    await read();
    fail("ERR_CREDENTIAL_UNREACHABLE");
    clock.advance(25 * MINUTE);
    for (let round = 0; round < 5; round++) {
      expect(await read()).toBe("answer-1");
      await settle();
    }
    expect(fetch).toHaveBeenCalledTimes(2);
    clock.advance(5_000);
    await read();
    await settle();
    expect(fetch).toHaveBeenCalledTimes(3);
  });
});

it("sources on this machine are read anew at each request", async () => {
  const env = { A_TOKEN: "one" };
  const resolver = createCredentialResolver({ runtime: createTestRuntime({ env }) });
  const read = async () =>
    (await resolver.resolve({ type: "env", vars: ["A_TOKEN"] })).env.get("A_TOKEN")?.expose();
  expect(await read()).toBe("one");
  env.A_TOKEN = "two";
  expect(await read()).toBe("two");
});
