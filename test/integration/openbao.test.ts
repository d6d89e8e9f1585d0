import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { VaultSource } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/requirement.ts";
import { type OpenBao, ROOT, readVault, startOpenBao } from "./servers/open-bao.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "AKIACANARYBAO0000001", AWS_SECRET_ACCESS_KEY: "canary-bao-secret" };

describeWith("bao", "vault, at OpenBao", () => {
  let bao: OpenBao;
  let asked: readonly string[] = [];
  const administer: OpenBao["administer"] = (...request) => bao.administer(...request);

  function provide(secretPath: string, more: Partial<VaultSource> = {}, env: Record<string, string> = {}) {
    const source: VaultSource = {
      ...{ type: "vault", address: bao.url, secretPath, tokenEnv: "VAULT_TOKEN" },
      ...more,
    };
    const vault = readVault(source, { VAULT_TOKEN: ROOT, ...env });
    asked = vault.asked;
    return (forceRefresh = false) => vault.read(forceRefresh);
  }

  beforeAll(async () => {
    bao = await startOpenBao();
    await administer("POST", "secret/data/ci/s3", { data: KEYS });
    await administer("POST", "sys/mounts/old", { type: "kv", options: { version: "1" } });
    await administer("POST", "old/ci/s3", KEYS);
    await administer("POST", "old/ci/keys", {
      access_key: "AKIAOLD",
      secret_key: "canary-old",
      security_token: null,
    });
    await administer("PUT", "sys/policies/acl/reader", {
      policy: 'path "secret/data/ci/*" { capabilities = ["read"] }',
    });
  }, 60_000);
  afterAll(() => bao[Symbol.asyncDispose]());

  it.each(["secret/data/ci/s3", "secret/ci/s3", "old/ci/s3", "/secret/ci/s3/"])(
    "yields the secret at %s",
    async (path) => {
      expect((await provide(path)()).values).toEqual(KEYS);
    },
  );

  it("asks once for the mount, and once more for each answer", async () => {
    const read = provide("secret/ci/s3");
    await read();
    expect(asked).toHaveLength(2);
    await read(true);
    await read(true);
    expect(asked).toHaveLength(4);
  });

  it("finds a secret whose engine was mounted anew, in its other version", async () => {
    await administer("POST", "sys/mounts/moved", { type: "kv", options: { version: "1" } });
    await administer("POST", "moved/s3", KEYS);
    const read = provide("moved/s3");
    expect((await read()).values).toEqual(KEYS);
    await administer("DELETE", "sys/mounts/moved");
    await administer("POST", "sys/mounts/moved", { type: "kv", options: { version: "2" } });
    const changed = { ...KEYS, AWS_SECRET_ACCESS_KEY: "canary-second" };
    await administer("POST", "moved/data/s3", { data: changed });
    expect((await read(true)).values).toEqual(changed);
  });

  it("finds it also with a token that may read only the version that is there", async () => {
    const policy =
      'path "versioned/data/*" { capabilities = ["read"] } path "versioned/s3" { capabilities = ["read"] }';
    await administer("PUT", "sys/policies/acl/versioned", { policy });
    const { auth } = await administer("POST", "auth/token/create", { policies: ["versioned"] });
    const { client_token: token } = auth as { client_token: string };
    await administer("POST", "sys/mounts/versioned", { type: "kv", options: { version: "1" } });
    await administer("POST", "versioned/s3", KEYS);
    const read = provide("versioned/s3", {}, { VAULT_TOKEN: token });
    expect((await read()).values).toEqual(KEYS);
    await administer("DELETE", "sys/mounts/versioned");
    await administer("PUT", "sys/policies/acl/versioned", {
      policy: policy.replace("versioned/s3", "versioned/none"),
    });
    await administer("POST", "sys/mounts/versioned", { type: "kv", options: { version: "2" } });
    await administer("POST", "versioned/data/s3", { data: KEYS });
    expect((await read(true)).values).toEqual(KEYS);
  });

  it("leaves a secret alone that has the names of push tools itself", async () => {
    const both = { ...KEYS, access_key: "x", secret_key: "y" };
    await administer("POST", "old/ci/both", both);
    expect((await provide("old/ci/both")()).values).toEqual(both);
  });

  it("gives keys in the words of the AWS engine the names that push tools know", async () => {
    expect((await provide("old/ci/keys")()).values).toEqual({
      AWS_ACCESS_KEY_ID: "AKIAOLD",
      AWS_SECRET_ACCESS_KEY: "canary-old",
    });
  });

  it("takes the token of a file that an agent writes, anew for each request", async () => {
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-token-"));
    const tokenFile = join(directory, "token");
    const { auth } = await administer("POST", "auth/token/create", { policies: ["reader"] });
    const { client_token: token } = auth as { client_token: string };
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
    const read = provide("secret/ci/s3", { tokenFile }, { VAULT_TOKEN: "" });
    expect((await read()).values).toEqual(KEYS);
    await administer("POST", "auth/token/revoke", { token });
    await expect(read(true)).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    await writeFile(tokenFile, ROOT);
    expect((await read(true)).values).toEqual(KEYS);
    await chmod(tokenFile, 0o644);
    const insecure = { code: "ERR_CREDENTIAL_INSECURE_FILE", sourceType: "vault" };
    await expect(read(true)).rejects.toMatchObject(insecure);
    await rm(tokenFile);
    await expect(read(true)).rejects.toMatchObject({ code: "ERR_CREDENTIAL_NOT_FOUND" });
    await writeFile(tokenFile, "", { mode: 0o600 });
    await expect(read(true)).rejects.toMatchObject({ code: "ERR_CREDENTIAL_MALFORMED" });
    await rm(directory, { recursive: true });
  });

  it("can be read under a quota of one request a second", async () => {
    await administer("POST", "sys/quotas/rate-limit/slow", { rate: 1 });
    try {
      expect((await provide("old/ci/s3")()).values).toEqual(KEYS);
      expect(asked.length).toBeGreaterThan(2);
    } finally {
      await setTimeout(1_500);
      await administer("DELETE", "sys/quotas/rate-limit/slow");
    }
  }, 20_000);

  it("that is sealed is unavailable, and a kept answer stands in meanwhile", async () => {
    const read = provide("secret/ci/s3");
    await read();
    await administer("PUT", "sys/seal");
    await expect(provide("secret/ci/s3")()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_UNAVAILABLE" });
    expect((await read()).values).toEqual(KEYS);
  }, 20_000);
});
