import {
  CredentialError,
  type CredentialProvider,
  type CredentialSource,
  createCredentialResolver,
  defineCredentialSource,
  Secret,
} from "@eka-ci/caches";
import {
  createFakeClock,
  createStaticProvider,
  createTestRuntime,
  toVisibleText,
} from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it, vi } from "vitest";

const custom = (create: (options: { entry: string }) => CredentialProvider) =>
  defineCredentialSource({ type: "custom:keyring", schema: v.strictObject({ entry: v.string() }), create });

const resolve = (
  provider: CredentialProvider,
  options: unknown = { entry: "x" },
  clock = createFakeClock(),
) =>
  createCredentialResolver({
    runtime: createTestRuntime({ clock }),
    credentialSources: [custom(() => provider)],
  }).resolve({ type: "custom:keyring", options });

const single =
  (name: string, value: unknown): CredentialProvider =>
  async () => ({ env: new Map([[name, value as Secret]]) });

describe("the resolver", () => {
  it("says the missing variable in the words of the guide", async () => {
    const resolver = createCredentialResolver({ runtime: createTestRuntime() });
    await expect(resolver.resolve({ type: "env", vars: ["AWS_ACCESS_KEY_ID"] })).rejects.toThrow(
      "Environment variable AWS_ACCESS_KEY_ID not set",
    );
  });

  it("asks a custom source, with its options checked", async () => {
    const definition = custom(({ entry }) =>
      createStaticProvider({ CACHIX_AUTH_TOKEN: `token-of-${entry}` }),
    );
    const resolver = createCredentialResolver({
      runtime: createTestRuntime(),
      credentialSources: [definition],
    });
    const { env } = await resolver.resolve({ type: "custom:keyring", options: { entry: "cachix" } });
    expect(env.get("CACHIX_AUTH_TOKEN")?.expose()).toBe("token-of-cachix");
  });

  it("refuses options outside the schema without repeating them", async () => {
    const failure = resolve(createStaticProvider({}), { entry: 7, other: "canary-4f1d9c" });
    await expect(failure).rejects.toMatchObject({ code: "ERR_CREDENTIAL_MALFORMED" });
    await expect(failure).rejects.toThrow("entry");
    await expect(failure.catch(toVisibleText)).resolves.not.toContain("canary");
  });

  it("refuses a custom source that the host did not define", async () => {
    const resolver = createCredentialResolver({ runtime: createTestRuntime() });
    await expect(resolver.resolve({ type: "custom:other", options: {} })).rejects.toMatchObject({
      code: "ERR_CREDENTIAL_UNSUPPORTED",
    });
  });

  it.each<[name: string, provider: CredentialProvider]>([
    ["a name that changes the child", single("LD_PRELOAD", new Secret("x"))],
    ["a name that is none", single("A=B", new Secret("x"))],
    ["a bare text", single("A_TOKEN", "canary-4f1d9c")],
    ["an empty value", single("A_TOKEN", new Secret(""))],
    ["a line break", single("A_TOKEN", new Secret("canary-4f1d9c\n"))],
    ["no map", async () => ({ env: { A: "b" } as unknown as ReadonlyMap<string, Secret> })],
    ["nothing", async () => undefined as never],
    ["a date as text", createStaticProvider({ A_TOKEN: "x" }, { expiration: "2030" as never })],
    ["a name that is no text", async () => ({ env: new Map([[7 as never, new Secret("x")]]) })],
    ["a broken date", createStaticProvider({ A_TOKEN: "x" }, { expiration: new Date(Number.NaN) })],
  ])("refuses %s from a provider", async (_name, provider) => {
    const failure = resolve(provider);
    await expect(failure).rejects.toMatchObject({
      name: "CredentialError",
      code: "ERR_CREDENTIAL_MALFORMED",
    });
    await expect(failure.catch(toVisibleText)).resolves.not.toContain("canary");
  });

  it("refuses credentials that are over", async () => {
    const provider = createStaticProvider({ A_TOKEN: "x" }, { expiration: new Date("2025-01-01") });
    await expect(resolve(provider)).rejects.toMatchObject({ code: "ERR_CREDENTIAL_EXPIRED" });
  });

  it("passes a provider's own CredentialError on, and nothing of any other error", async () => {
    const own = new CredentialError("ERR_CREDENTIAL_DENIED", "custom:keyring", "The keyring is locked");
    await expect(resolve(() => Promise.reject(own))).rejects.toBe(own);
    const foreign = resolve(() => Promise.reject(new Error("canary-4f1d9c")));
    await expect(foreign).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    await expect(foreign.catch(toVisibleText)).resolves.not.toContain("canary");
  });

  it("ends a load that takes more than 10 s, and tells the provider", async () => {
    const clock = createFakeClock();
    let told: AbortSignal | undefined;
    const answer = resolve(
      (request) => {
        told = request?.signal;
        return new Promise(() => {});
      },
      undefined,
      clock,
    );
    const failure = expect(answer).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNREACHABLE" });
    await vi.waitUntil(() => told !== undefined);
    clock.advance(10_000);
    await failure;
    expect(told?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("ends at once where the caller aborts while the load begins", async () => {
    const controller = new AbortController();
    const reason = new Error("stop");
    const answer = createCredentialResolver({
      runtime: createTestRuntime(),
      credentialSources: [
        custom(() => () => {
          controller.abort(reason);
          return new Promise(() => {});
        }),
      ],
    }).resolve({ type: "custom:keyring", options: { entry: "x" } }, { signal: controller.signal });
    await expect(answer).rejects.toBe(reason);
  });

  it("rejects with the signal's reason, before and during a load", async () => {
    const resolver = createCredentialResolver({
      runtime: createTestRuntime(),
      credentialSources: [custom(() => () => new Promise(() => {}))],
    });
    const source: CredentialSource = { type: "custom:keyring", options: { entry: "x" } };
    const reason = new Error("stop");
    await expect(resolver.resolve(source, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const answer = resolver.resolve(source, { signal: controller.signal });
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });
});
