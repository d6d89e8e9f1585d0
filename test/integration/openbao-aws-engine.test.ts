import { dirname } from "node:path";
import type { VaultSource } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith, vaultAwsEngine } from "../support/requirement.ts";
import { type ExternalServer, startExternal } from "./servers/external-server.ts";
import { type OpenBao, ROOT, readVault, startOpenBao } from "./servers/open-bao.ts";

const POLICY = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };

describeWith("vault-aws-engine", "Vault's AWS engine, before moto", () => {
  let moto: ExternalServer;
  let bao: OpenBao;
  beforeAll(async () => {
    moto = await startExternal("moto_server", (port) => ["-H", "127.0.0.1", "-p", String(port)]);
    bao = await startOpenBao([`-dev-plugin-dir=${dirname(vaultAwsEngine ?? "")}`]);
    await bao.administer("POST", "sys/mounts/aws", { type: "aws" });
    await bao.administer("POST", "aws/config/root", {
      ...{ access_key: "AKIAROOT", secret_key: "canary-root", region: "us-east-1" },
      ...{ iam_endpoint: moto.url, sts_endpoint: moto.url },
    });
    await bao.administer("POST", "aws/roles/user", {
      ...{ credential_type: "iam_user", policy_document: JSON.stringify(POLICY) },
    });
    await bao.administer("POST", "aws/roles/assumed", {
      ...{ credential_type: "assumed_role", role_arns: "arn:aws:iam::123456789012:role/push" },
    });
    const policy = 'path "aws/creds/*" { capabilities = ["read"] }';
    await bao.administer("PUT", "sys/policies/acl/pusher", { policy });
    await bao.administer("POST", "sys/auth/approle", { type: "approle" });
    await bao.administer("POST", "auth/approle/role/ci", { token_policies: ["pusher"], token_ttl: "20m" });
  }, 60_000);
  afterAll(async () => {
    await bao[Symbol.asyncDispose]();
    await moto[Symbol.asyncDispose]();
  });

  const sourceOf = (secretPath: string): VaultSource => ({
    ...{ type: "vault", address: bao.url, secretPath, tokenEnv: "VAULT_TOKEN" },
  });

  it.each([
    ["user", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], /^AKIA/u],
    ["assumed", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"], /^ASIA/u],
  ])("gives keys to who is in the role %s, until their lease ends", async (role, names, id) => {
    const { read } = readVault(sourceOf(`aws/creds/${role}`), { VAULT_TOKEN: ROOT });
    const [first, second] = [await read(), await read()];
    expect(Object.keys(first.values).sort()).toEqual(names);
    expect(first.values["AWS_ACCESS_KEY_ID"]).toMatch(id);
    expect(second.values["AWS_ACCESS_KEY_ID"]).not.toBe(first.values["AWS_ACCESS_KEY_ID"]);
    expect((first.expiration?.getTime() ?? 0) - Date.now()).toBeGreaterThan(50 * 60_000);
  });

  it("gives keys that end with the token of the login, since their lease does", async () => {
    const role = await bao.administer("GET", "auth/approle/role/ci/role-id");
    const secret = await bao.administer("POST", "auth/approle/role/ci/secret-id");
    const { role_id: roleId } = role["data"] as { role_id: string };
    const { secret_id: secretId } = secret["data"] as { secret_id: string };
    const auth = { method: "approle", roleId, secretIdEnv: "VAULT_SECRET_ID", mount: "approle" } as const;
    const { read } = readVault({ ...sourceOf("aws/creds/assumed"), auth }, { VAULT_SECRET_ID: secretId });
    const { expiration } = await read();
    const minutes = ((expiration?.getTime() ?? 0) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(15);
    expect(minutes).toBeLessThanOrEqual(20);
  });
});
