import { CommandError } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { setUp, TOML } from "../support/set-up-registry.ts";

describe("check", () => {
  it("finds tools and credentials, and shows no secret", async () => {
    const { registry } = setUp({ respond: ({ file }) => ({ stdout: `${file} 1.0\nmore\n` }) });
    const report = await registry.check();
    expect(report.ok).toBe(true);
    expect(report.tools).toEqual([
      { tool: "nix-store", ok: true, version: "nix-store 1.0" },
      { tool: "cachix", ok: true, version: "cachix 1.0" },
      { tool: "nix", ok: true, version: "nix 1.0" },
    ]);
    expect(report.caches).toMatchObject([
      { cacheId: "dev", ok: true, sourceType: "cachix-token", names: ["CACHIX_AUTH_TOKEN"] },
      {
        cacheId: "prod-cache",
        ok: true,
        sourceType: "env",
        names: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
      },
    ]);
    expect(JSON.stringify(report)).not.toContain("canary");
  });

  it("says what is missing", async () => {
    const missing = new CommandError("ERR_COMMAND_NOT_FOUND", "cachix is not on the PATH");
    const { registry } = setUp({
      env: { DEV_TOKEN: "x-token" },
      respond: ({ file }) => (file === "cachix" ? missing : { exitCode: 1 }),
    });
    const report = await registry.check({ caches: ["dev", "prod-cache"] });
    expect(report.ok).toBe(false);
    expect(report.tools.map(({ tool, ok, error }) => [tool, ok, error?.code])).toEqual([
      ["nix-store", false, "ERR_PUSH_FAILED"],
      ["cachix", false, "ERR_COMMAND_NOT_FOUND"],
      ["nix", false, "ERR_PUSH_FAILED"],
    ]);
    expect(report.caches.map(({ cacheId, ok, error }) => [cacheId, ok, error?.code])).toEqual([
      ["dev", true, undefined],
      ["prod-cache", false, "ERR_CREDENTIAL_NOT_CONFIGURED"],
    ]);
  });

  it("is not content with an id that no cache has", async () => {
    const { registry } = setUp();
    expect(await registry.check({ caches: ["typo"] })).toMatchObject({
      ok: false,
      caches: [{ cacheId: "typo", ok: false }],
    });
  });

  it("tells credentials that a tool would ignore", async () => {
    const toml = TOML.replace(
      '{ cachix-token = { env_var = "DEV_TOKEN" } }',
      '{ env = { vars = ["DEV_TOKEN"] } }',
    );
    const { registry } = setUp({ toml });
    const { caches } = await registry.check({ caches: ["dev"] });
    expect(caches).toMatchObject([
      { ok: false, names: ["DEV_TOKEN"], error: { code: "ERR_COMMAND_CREDENTIALS" } },
    ]);
  });

  const S3 = (query: string): string => `
    [[caches]]
    id = "s3"
    cache_type = "nix-copy"
    destination = "s3://bucket?${query}"
    credentials = "none"`;

  it("tells a nix that was built without S3", async () => {
    const { registry } = setUp({
      toml: S3("region=eu-west-1"),
      respond: ({ args }) =>
        args.includes("ping")
          ? { exitCode: 1, stderr: "error: don't know how to open Nix store with scheme 's3'" }
          : { stdout: "nix (Nix) 2.26.3" },
    });
    expect(await registry.check()).toMatchObject({
      ok: false,
      caches: [{ ok: false, error: { code: "ERR_TOOL_UNSUPPORTED" } }],
    });
  });

  it.each([
    ['{ env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }', "ERR_TOOL_UNSUPPORTED"],
    ['"none"', undefined],
    ['"none"', "ERR_TOOL_UNSUPPORTED", "region=eu-west-1&profile=prod"],
  ])(
    "tells a nix that cannot sign, where the credentials are %s",
    async (credentials, code, query = "region=eu-west-1") => {
      const { registry } = setUp({
        toml: S3(query).replace('"none"', credentials),
        env: { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "canary" },
        respond: ({ args }) =>
          args.includes("ping")
            ? { exitCode: 1, stderr: "S3 request without authentication (built without AWS support)" }
            : { stdout: "nix (Nix) 2.34.8" },
      });
      const { caches } = await registry.check();
      expect(caches[0]?.error?.code).toBe(code);
    },
  );

  it("tells parameters that this version of nix ignores, and is content all the same", async () => {
    const check = async (version: string) => {
      const { registry } = setUp({
        toml: S3("storage-class=STANDARD_IA&region=eu-west-1"),
        respond: () => ({ stdout: version }),
      });
      const { ok, caches } = await registry.check();
      return { ok, warnings: caches[0]?.warnings };
    };
    expect(await check("nix (Nix) 2.26.3")).toEqual({
      ok: true,
      warnings: ["Nix 2.26 ignores storage-class; Nix knows it since 2.33"],
    });
    expect(await check("nix (Nix) 2.34.8")).toEqual({ ok: true, warnings: [] });
    expect(await check("something else")).toEqual({ ok: true, warnings: [] });
  });

  it("that is ended says so, and of no push", async () => {
    const { registry } = setUp();
    const { ok, tools, caches } = await registry.check({ signal: AbortSignal.abort() });
    expect(ok).toBe(false);
    for (const { error } of [...tools, ...caches]) expect(error?.code).toBe("ERR_CHECK_ABORTED");
  });
});
