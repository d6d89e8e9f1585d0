import { CredentialError, PushError, parseServerConfig, Secret } from "@eka-ci/caches";
import { createFakeClock, createTestRuntime } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import type { Credentials } from "../../src/credentials/provider.ts";
import { Deadline } from "../../src/host/deadline.ts";
import { PushCredentials } from "../../src/registry/push-credentials.ts";

const [CACHE] = parseServerConfig(`
  [[caches]]
  id = "one"
  cache_type = "nix-copy"
  destination = "s3://bucket"
  permissions = { allow_all = true }
  credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }`).caches;

function setUp(resolve: (forced: boolean, count: number) => Credentials | Promise<Credentials>) {
  const clock = createFakeClock();
  const runtime = createTestRuntime({ clock });
  const timeoutMs = 3_600_000;
  const deadline = new Deadline({
    clock,
    timeoutMs,
    onTimeout: () => new PushError("ERR_PUSH_TIMEOUT", "late"),
  });
  let count = 0;
  const resolver = {
    resolve: async (_source: unknown, { forceRefresh = false } = {}) => resolve(forceRefresh, count++),
  };
  const events: string[] = [];
  const context = { resolver, deadline, timeoutMs, runtime } as unknown as ConstructorParameters<
    typeof PushCredentials
  >[1];
  if (CACHE === undefined) throw new Error("There is a cache");
  const credentials = new PushCredentials(CACHE, context, async ({ type }) => void events.push(type));
  return { clock, credentials, events };
}

const give = (name: string, clock: { now(): number }, lifeMs?: number): Credentials => ({
  env: new Map([["AWS_ACCESS_KEY_ID", new Secret(name)]]),
  expiration: lifeMs === undefined ? undefined : new Date(clock.now() + lifeMs),
});
const nameOf = (env: ReadonlyMap<string, Secret> | undefined): string | undefined =>
  env?.get("AWS_ACCESS_KEY_ID")?.expose();

describe("the credentials of a push", () => {
  it("are renewed a minute before they end, once for all who ask", async () => {
    const world = setUp((_forced, count) => give(`key-${count}`, world.clock, 900_000));
    await world.credentials.fetch();
    expect(nameOf(await world.credentials.get())).toBe("key-0");
    world.clock.advance(841_000);
    const asked = await Promise.all([
      world.credentials.get(),
      world.credentials.get(),
      world.credentials.get(),
    ]);
    expect(asked.map(nameOf)).toEqual(["key-1", "key-1", "key-1"]);
    expect(world.events).toEqual(["credentials.resolved", "credentials.resolved"]);
  });

  it("stay in use where they cannot be renewed, and the source is left alone for a while", async () => {
    const world = setUp((_forced, count) => {
      if (count === 0) return give("key-0", world.clock, 900_000);
      throw new CredentialError("ERR_CREDENTIAL_UNREACHABLE", "env", "away");
    });
    await world.credentials.fetch();
    world.clock.advance(841_000);
    for (let turn = 0; turn < 3; turn++) expect(nameOf(await world.credentials.get())).toBe("key-0");
    expect(world.events).toEqual(["credentials.resolved", "credentials.failed"]);
    world.clock.advance(10_000);
    await world.credentials.get();
    expect(world.events).toHaveLength(3);
  });

  it("are replaced once for all whose request was refused", async () => {
    const world = setUp((forced, count) => give(forced ? `forced-${count}` : "key", world.clock));
    await world.credentials.fetch();
    const refused = await world.credentials.get();
    const others = await Promise.all([1, 2, 3].map(() => world.credentials.replace(refused)));
    expect(others.map(nameOf)).toEqual(["forced-1", "forced-1", "forced-1"]);
    // Refused at once, so that the source has no better ones.
    expect(await world.credentials.replace(await world.credentials.get())).toBeUndefined();
  });

  it("are replaced also where a renewal is under way that brings the same", async () => {
    const world = setUp((forced) => give(forced ? "new" : "old", world.clock, 30_000));
    await world.credentials.fetch();
    const refused = world.credentials.current.env;
    const [, replaced] = await Promise.all([world.credentials.get(), world.credentials.replace(refused)]);
    expect(nameOf(replaced)).toBe("new");
  });

  it("are not replaced by the same ones, nor where the source fails", async () => {
    const same = setUp(() => give("key", same.clock));
    await same.credentials.fetch();
    expect(await same.credentials.replace(await same.credentials.get())).toBeUndefined();
    const failing = setUp((_forced, count) => {
      if (count === 0) return give("key", failing.clock);
      throw new CredentialError("ERR_CREDENTIAL_DENIED", "env", "denied");
    });
    await failing.credentials.fetch();
    expect(await failing.credentials.replace(await failing.credentials.get())).toBeUndefined();
    expect(failing.events).toEqual(["credentials.resolved", "credentials.failed"]);
  });
});
