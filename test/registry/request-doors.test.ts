import { type AccessRequest, type GitRef, PushQueue, type PushRequest } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { FakeCaches, makeRegistry, requestFor, runUntil, setUpQueue } from "../support/fake-cache.ts";

const FORK: GitRef = { type: "pull-request", number: 7, head: { repository: "evil/fork", branch: "main" } };

/** A request for a fork's pull request whose ref is there in a way that a copy would lose. */
const SHAPES: Readonly<Record<string, (ref: GitRef) => PushRequest>> = {
  "a field": (ref) => ({ ...requestFor(["a"], 1), ref }),
  "a getter of its own": (ref) =>
    Object.defineProperty({ ...requestFor(["a"], 1) }, "ref", { enumerable: true, get: () => ref }),
  "not enumerable": (ref) =>
    Object.defineProperty({ ...requestFor(["a"], 1) }, "ref", { value: ref, enumerable: false }),
  "a getter that is not enumerable": (ref) =>
    Object.defineProperty({ ...requestFor(["a"], 1) }, "ref", { enumerable: false, get: () => ref }),
  inherited: (ref) => {
    const { ref: _ref, ...fields } = requestFor(["a"], 1);
    return Object.assign(Object.create({ ref }), fields);
  },
  "a getter of its class": (ref) => {
    class Build {
      readonly repository = "o/r";
      readonly job = "j";
      readonly caches = ["a"];
      readonly storePaths = requestFor(["a"], 1).storePaths;
      get ref(): GitRef {
        return ref;
      }
    }
    return new Build();
  },
  "behind a proxy": (ref) =>
    new Proxy(requestFor(["a"], 1), {
      get: (target, key) => (key === "ref" ? ref : Reflect.get(target, key)),
    }),
  "nested in a class": (ref) => {
    class Ref {
      get type() {
        return ref.type;
      }
    }
    return { ...requestFor(["a"], 1), ref: Object.assign(new Ref(), { number: 7 }) as unknown as GitRef };
  },
};

describe.each(Object.entries(SHAPES))("a fork's ref that is %s", (_name, make) => {
  const setUp = () => {
    const caches = new FakeCaches();
    const { executor, runtime, clock } = setUpQueue(caches);
    const registry = makeRegistry('allow_all = false, allowed_repos = ["o/r"]', { executor, runtime });
    return { caches, registry, clock, queue: new PushQueue(registry, { runtime }) };
  };

  it("is denied at every door, and pushes nothing", async () => {
    const { caches, registry, clock, queue } = setUp();
    const denied = { status: "denied", decision: { effect: "deny" } };
    expect(registry.authorize("a", make(FORK)).effect).toBe("deny");
    expect(registry.plan(make(FORK)).entries).toMatchObject([{ decision: { effect: "deny" } }]);
    expect((await registry.push(make(FORK))).results).toMatchObject([denied]);
    expect(await registry.pushTogether("a", [make(FORK), make(FORK)])).toMatchObject([denied, denied]);
    const ticket = await queue.enqueue(make(FORK));
    expect((await runUntil(clock, ticket.done)).results).toMatchObject([denied]);
    expect(caches.pushes).toEqual([]);
  });

  it("reads every field once", async () => {
    const { registry, queue } = setUp();
    for (const door of [
      (request: PushRequest) => registry.authorize("a", request),
      (request: PushRequest) => registry.plan(request),
      (request: PushRequest) => registry.push(request),
      (request: PushRequest) => registry.pushTogether("a", [request]),
      (request: PushRequest) => queue.enqueue(request),
    ]) {
      const reads = new Map<PropertyKey, number>();
      const counting = new Proxy(make(FORK), {
        get: (target, key) => {
          reads.set(key, (reads.get(key) ?? 0) + 1);
          return Reflect.get(target, key);
        },
      });
      await door(counting);
      expect(
        [...reads.values()].every((count) => count === 1),
        JSON.stringify([...reads]),
      ).toBe(true);
    }
  });
});

describe("an id of a cache that is no text", () => {
  const odd = [5, null, undefined, {}, Object.create(null), Symbol("x"), ["a"], () => "a"] as const;

  it("is denied by authorize, which is total", () => {
    const registry = makeRegistry("allow_all = true");
    for (const id of odd)
      expect(registry.authorize(id as never, { repository: "o/r" })).toMatchObject({
        reason: "unknown-cache",
      });
  });

  it("is denied by push, which does not reject", async () => {
    const registry = makeRegistry("allow_all = true");
    const { results, ok } = await registry.push({ ...requestFor([], 1), caches: odd as never });
    expect(ok).toBe(false);
    expect(results.length).toBeGreaterThan(3);
    for (const result of results)
      expect(result).toMatchObject({ status: "denied", decision: { reason: "unknown-cache" } });
    expect(await registry.pushTogether(5 as never, [requestFor([], 1)])).toMatchObject([
      { status: "denied" },
    ]);
  });
});

it.each([undefined, null, 5, "text", [], () => ({})])("%s is no request, and is denied", (request) => {
  const registry = makeRegistry("allow_all = true");
  expect(registry.authorize("a", request as unknown as AccessRequest)).toMatchObject({
    reason: "invalid-request",
  });
});

it("a request without a list of caches is refused, since there is nothing to report on", async () => {
  const registry = makeRegistry("allow_all = true");
  const { caches: _caches, ...request } = requestFor(["a"], 1);
  await expect(registry.push(request as never)).rejects.toThrow(TypeError);
  await expect(registry.push(undefined as never)).rejects.toThrow(TypeError);
});

it("paths that are no texts are store paths that there are not", async () => {
  const { registry } = setUpQueue(new FakeCaches());
  for (const storePaths of [[5], [null], "/nix/store/x", undefined, [Object.create(null)]]) {
    const { results } = await registry.push({ ...requestFor(["a"], 1), storePaths: storePaths as never });
    expect(results).toMatchObject([{ status: "failed", error: { code: "ERR_STORE_PATH_INVALID" } }]);
  }
});

it("a copy that shares the class of a request that was read is read again", async () => {
  const { executor, runtime } = setUpQueue(new FakeCaches());
  const registry = makeRegistry('allow_all = false, allowed_repos = ["o/r"]', { executor, runtime });
  const taken: object[] = [];
  const { queue, clock } = setUpQueue(new FakeCaches(), {
    onSettled: (settled) => void taken.push(settled.request ?? {}),
  });
  await runUntil(clock, (await queue.enqueue(requestFor(["a"], 1))).done);
  const [read] = taken;
  expect(read).toMatchObject({ repository: "o/r" });
  const forged: PushRequest = Object.assign(Object.create(Object.getPrototypeOf(read ?? {})), {
    ...requestFor(["a"], 1),
    ref: FORK,
  });
  expect(registry.authorize("a", forged).effect).toBe("deny");
  expect((await registry.push(forged)).results).toMatchObject([{ status: "denied" }]);
});
