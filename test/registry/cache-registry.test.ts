import { CacheRegistry, type CredentialProvider, defineCredentialSource, Secret } from "@eka-ci/caches";
import { createRecordingExecutor, createStaticProvider, createTestRuntime } from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { REQUEST, setUp, TOML } from "../support/set-up-registry.ts";

describe("construction", () => {
  const custom = (provider: CredentialProvider) =>
    defineCredentialSource({ type: "custom:keyring", schema: v.strictObject({}), create: () => provider });
  const toml = TOML.replace('{ cachix-token = { env_var = "DEV_TOKEN" } }', '{ "custom:keyring" = {} }');

  it("uses sources of the host's own", async () => {
    const executor = createRecordingExecutor();
    const registry = CacheRegistry.fromToml(toml, {
      executor,
      runtime: createTestRuntime(),
      credentialSources: [custom(createStaticProvider({ CACHIX_AUTH_TOKEN: "from-keyring" }))],
    });
    expect((await registry.push({ ...REQUEST, caches: ["dev"] })).ok).toBe(true);
    const token = executor.commands.find(({ file }) => file === "cachix")?.env.get("CACHIX_AUTH_TOKEN");
    expect(token instanceof Secret && token.expose()).toBe("from-keyring");
  });

  it("refuses a source that nobody defined, and an id that stands twice", () => {
    expect(() => CacheRegistry.fromToml(toml)).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID" }),
    );
    const { config } = setUp().registry;
    const doubled = { ...config, caches: [...config.caches, ...config.caches] };
    expect(() => new CacheRegistry(doubled)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
  });

  it("hands out the warnings of a text", () => {
    const seen: string[] = [];
    const toml = TOML.replace("permissions = { allow_all = true }", "");
    CacheRegistry.fromToml(toml, {
      runtime: createTestRuntime(),
      onDiagnostic: ({ code }) => seen.push(code),
    });
    expect(seen).toEqual(["unrestricted-permissions"]);
  });

  it("throws what is wrong, and tells the listener the warnings alone", () => {
    const seen: string[] = [];
    const toml = TOML.replace("permissions = { allow_all = true }", "").replace('id = "dev"', "id = 1");
    const load = () => CacheRegistry.fromToml(toml, { onDiagnostic: ({ code }) => seen.push(code) });
    const diagnostics = expect.arrayContaining([
      expect.objectContaining({ code: "invalid-type" }),
      expect.objectContaining({ code: "unrestricted-permissions" }),
    ]);
    expect(load).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID", diagnostics }));
    expect(seen).toEqual(["unrestricted-permissions"]);
  });

  it("loads the file of the server", async () => {
    const runtime = createTestRuntime({ env: { EKA_CI_CONFIG_FILE: "/x.toml" }, files: { "/x.toml": TOML } });
    const seen: string[] = [];
    await using registry = await CacheRegistry.load(undefined, {
      runtime,
      onDiagnostic: ({ code }) => seen.push(code),
    });
    expect(registry.config.caches.map(({ id }) => id)).toEqual(["dev", "prod-cache"]);
    expect(seen).toEqual([]);
  });
});
