import { readdirSync } from "node:fs";
import {
  type CacheDefinition,
  type CredentialSource,
  compilePermissions,
  safeParseRepositoryConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { readFixture } from "../support/fixture.ts";

const server = (name: string) => {
  const result = safeParseServerConfig(readFixture(`config/server/${name}.toml`));
  if (!result.success) throw new Error(JSON.stringify(result.diagnostics));
  return { config: result.output, warnings: result.diagnostics.map(({ code }) => code) };
};

const onlyCache = (name: string): CacheDefinition => {
  const [cache, ...more] = server(name).config.caches;
  if (cache === undefined || more.length > 0) throw new Error("expected one cache");
  return cache;
};

const caches = (name: string, job: string) => {
  const result = safeParseRepositoryConfig(readFixture(`config/repository/${name}.json`));
  return result.success ? result.output.jobs.get(job)?.caches : undefined;
};

const awsKeys: CredentialSource = { type: "env", vars: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] };

describe("the server configurations of the guide", () => {
  it.each(readdirSync(new URL("../fixtures/config/server", import.meta.url)))("%s loads", (file) => {
    const result = safeParseServerConfig(readFixture(`config/server/${file}`));
    expect(result.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(result.success).toBe(true);
  });

  it("reads the basic structure", () => {
    const { config, warnings } = server("basic-structure");
    expect(config.security).toEqual({
      maxHookTimeoutSeconds: 240,
      auditHooks: true,
      allowPrivateCacheHosts: false,
    });
    expect(config.caches.map(({ id, cacheType, credentials }) => ({ id, cacheType, credentials }))).toEqual([
      { id: "releases-s3", cacheType: "nix-copy", credentials: awsKeys },
      {
        id: "acme-cachix",
        cacheType: "cachix",
        credentials: { type: "cachix-token", envVar: "ACME_CACHIX_TOKEN" },
      },
    ]);
    expect(config.caches[0]?.destination).toEqual({
      type: "s3",
      url: "s3://acme-artifacts/nix?region=eu-central-1",
      bucket: "acme-artifacts",
      prefix: "nix",
      parameters: [{ name: "region", value: "eu-central-1" }],
    });
    expect(config.caches[1]?.destination).toEqual({ type: "cachix", name: "acme" });
    expect(warnings).toEqual(["unrestricted-permissions", "unrestricted-permissions"]);
  });

  it.each<[fixture: string, credentials: CredentialSource]>([
    ["s3-environment", awsKeys],
    ["s3-aws-profile", { type: "aws-profile", profile: "deploy" }],
    ["s3-file", { type: "file", path: "/etc/acme/keys", filePermissions: "strict" }],
    ["http", { type: "none" }],
    ["cachix", { type: "cachix-token", envVar: "CACHIX_AUTH_TOKEN" }],
    ["attic", { type: "env", vars: ["ATTIC_TOKEN"] }],
    [
      "vault",
      {
        type: "vault",
        address: "https://vault.acme.example:8200",
        secretPath: "secret/data/ci/artifacts",
        tokenEnv: "ACME_VAULT_TOKEN",
        namespace: "platform",
      },
    ],
    ["aws-secrets-manager", { type: "aws-secrets-manager", secretName: "ci/artifacts", region: "eu-west-1" }],
    ["systemd-credential", { type: "systemd-credential", name: "artifacts-keys" }],
    ["instance-metadata", { type: "instance-metadata" }],
    ["migration", awsKeys],
  ])("reads the credentials of %s", (fixture, credentials) => {
    expect(onlyCache(fixture).credentials).toEqual(credentials);
  });

  it("reads the S3 destinations, endpoints and profiles included", () => {
    const { config } = server("s3-destinations");
    expect(
      config.caches.map(({ destination }) => destination.type === "s3" && destination.parameters),
    ).toEqual([
      [{ name: "region", value: "ap-south-1" }],
      [{ name: "profile", value: "deploy" }],
      [{ name: "endpoint", value: "https://objects.acme.example" }],
    ]);
  });

  it("takes the address of an Attic cache apart", () => {
    expect(onlyCache("attic").destination).toEqual({
      type: "attic",
      url: "https://attic.acme.example/team",
      endpoint: "https://attic.acme.example/",
      cache: "team",
    });
  });

  it("defaults the variable of the Vault token", () => {
    const [first] = server("example-3-vault").config.caches;
    expect(first?.credentials).toMatchObject({ type: "vault", tokenEnv: "VAULT_TOKEN", namespace: "live" });
  });

  it("leaves the server's own tables alone, and clamps the timeout with a warning", () => {
    const { config, warnings } = server("other-tables");
    expect(config.caches).toEqual([]);
    expect(config.security.maxHookTimeoutSeconds).toBe(86_400);
    expect(warnings).toEqual(["timeout-clamped"]);
  });

  it("defaults the security settings", () => {
    expect(server("http").config.security).toEqual({
      maxHookTimeoutSeconds: 300,
      auditHooks: true,
      allowPrivateCacheHosts: false,
    });
  });
});

describe("the permissions of the guide", () => {
  const effect = (fixture: string, id: string, repository: string, branch?: string) => {
    const cache = server(fixture).config.caches.find((candidate) => candidate.id === id);
    const ref = branch === undefined ? undefined : ({ type: "branch", name: branch } as const);
    if (cache === undefined) throw new Error(`There is no cache ${id}`);
    return compilePermissions(cache.permissions).evaluate({ repository, ref }).effect;
  };

  it.each([
    ["permissions", "open", "anyone/anything", undefined, "allow"],
    ["permissions", "some-repositories", "acme/site", undefined, "allow"],
    ["permissions", "some-repositories", "partner/plugin", "any", "allow"],
    ["permissions", "some-repositories", "partner/other", "any", "deny"],
    ["permissions", "some-branches", "acme/site", "main", "allow"],
    ["permissions", "some-branches", "acme/site", "whatever/else", "allow"],
    ["permissions", "some-branches", "acme/api", "main", "deny"],
    ["example-2-company", "staging", "acme/tool", "wip", "allow"],
    ["example-2-company", "staging", "acmex/tool", "wip", "deny"],
    ["example-2-company", "live", "acme/server", "release/2.1", "allow"],
    ["example-2-company", "live", "acme/server", "develop", "deny"],
    ["example-2-company", "live", "acme/tool", "main", "deny"],
    ["example-3-vault", "staging-s3", "acme/tool", "feature/x", "allow"],
    ["example-3-vault", "staging-s3", "acme/tool", "bugfix/x", "deny"],
    ["example-4-two-caches", "office", "acme/app", undefined, "allow"],
    ["example-5-cloud-vm", "artifacts", "anyone/anything", undefined, "allow"],
  ])("%s: %s for %s on %s is %s", (fixture, id, repository, branch, expected) => {
    expect(effect(fixture, id, repository, branch)).toBe(expected);
  });
});

describe("the repository configurations of the guide", () => {
  it.each([
    ["two-jobs", "site", ["releases-s3", "acme-cachix"]],
    ["two-jobs", "docs", ["releases-s3"]],
    ["example-1-open-source", "all", ["community"]],
    ["example-2-company", "server", ["staging", "live"]],
    ["example-3-vault", "server", ["staging-s3", "live-s3"]],
    ["example-4-two-caches", "app", ["office", "world"]],
    ["migration-after", "site", ["artifacts"]],
  ])("%s: job %s asks for %j", (fixture, job, expected) => {
    expect(caches(fixture, job)).toEqual(expected);
  });

  it("says that the old hooks never run, without repeating what they hold", () => {
    const result = safeParseRepositoryConfig(readFixture("config/repository/migration-before.json"));
    expect(result.success).toBe(true);
    expect(result.diagnostics).toMatchObject([
      { code: "hooks-ignored", severity: "warning", path: ["jobs", "site", "post_build_hooks"] },
    ]);
    expect(JSON.stringify(result)).not.toContain("canary");
  });
});
