import { CacheRegistry, type CredentialProvider, defineCredentialSource, Secret } from "@eka-ci/caches";
import { createFakeClock, createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import * as v from "valibot";
import { describe, expect, it, vi } from "vitest";
import { codeOf, REQUEST, setUp, TOML } from "../support/set-up-registry.ts";

describe("credentials that a push needs", () => {
  it.each([
    "error: AccessDenied",
    "error: AWS error fetching 'nix-cache-info': Access Denied",
    "error: AWS error uploading: The AWS Access Key Id you provided does not exist in our records.",
    "error: AWS error uploading: The provided token has expired.",
    'statusCode = 401, statusMessage = "Unauthorized"',
    "Error: Unauthorized",
    "error: HTTP error 403",
    "error: HTTP error 401",
    "ExpiredToken: the token is over",
    "Error: 401 Unauthorized",
    "HTTP 403 Forbidden",
  ])("fetches credentials anew and tries once more after %j", async (stderr) => {
    const env: Record<string, string> = { DEV_TOKEN: "first" };
    const { registry, executor, events } = setUp({
      env,
      respond: ({ file }) => {
        if (file !== "cachix" || env["DEV_TOKEN"] === "second") return {};
        env["DEV_TOKEN"] = "second";
        return { exitCode: 1, stderr };
      },
    });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(report.results).toMatchObject([
      { status: "pushed", executions: [{ exitCode: 1 }, { exitCode: 0 }] },
    ]);
    expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(2);
    expect(events.filter(({ type }) => type === "credentials.resolved")).toHaveLength(2);
  });

  it("tries no third time, and none after another failure", async () => {
    for (const [stderr, runs] of [
      ["HTTP error 403", 2],
      ["HTTP error 500", 1],
      ["error: disk full", 1],
    ] as const) {
      const env: Record<string, string> = { DEV_TOKEN: "0" };
      const { registry, executor } = setUp({
        env,
        respond: ({ file }) => {
          if (file !== "cachix") return {};
          env["DEV_TOKEN"] += "x";
          return { exitCode: 1, stderr };
        },
      });
      const report = await registry.push({ ...REQUEST, caches: ["dev"] });
      expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_FAILED"]);
      expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(runs);
    }
  });

  it("tries no second time with the same, which would be refused again", async () => {
    const { registry, executor, events } = setUp({
      respond: ({ file }) => (file === "cachix" ? { exitCode: 1, stderr: "HTTP error 403" } : {}),
    });
    const report = await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(report.results.map(codeOf)).toEqual(["ERR_PUSH_FAILED"]);
    expect(executor.commands.filter(({ file }) => file === "cachix")).toHaveLength(1);
    expect(events.filter(({ type }) => type === "credentials.resolved")).toHaveLength(2);
  });

  it("does not start with credentials that end before it could, where the source gives longer ones", async () => {
    const clock = createFakeClock();
    const fetch = vi.fn<CredentialProvider>(async () => ({
      env: new Map([["CACHIX_AUTH_TOKEN", new Secret("token")]]),
      expiration: new Date(clock.now() + 600_000),
    }));
    const source = defineCredentialSource({
      type: "custom:keyring",
      schema: v.strictObject({}),
      create: () => fetch,
    });
    const toml = TOML.replace('{ cachix-token = { env_var = "DEV_TOKEN" } }', '{ "custom:keyring" = {} }');
    const options = {
      executor: createRecordingExecutor(),
      runtime: createTestRuntime({ clock }),
      credentialSources: [source],
    };
    const registry = CacheRegistry.fromToml(toml, options);
    await registry.push({ ...REQUEST, caches: ["dev"] });
    clock.advance(360_000);
    await registry.push({ ...REQUEST, caches: ["dev"] }, { timeoutMs: 60_000 });
    expect(fetch).toHaveBeenCalledTimes(1);
    await registry.push({ ...REQUEST, caches: ["dev"] });
    expect(fetch).toHaveBeenCalledTimes(2);
  });
});
