import { createSign, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rootCertificates } from "node:tls";
import type { VaultAuth, VaultSource } from "@eka-ci/caches";
import { toVisibleText } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/requirement.ts";
import { type LoopbackServer, startServer } from "./servers/loopback-server.ts";
import { type OpenBao, readVault, startOpenBao } from "./servers/open-bao.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "AKIACANARYBAO0000001", AWS_SECRET_ACCESS_KEY: "canary-bao-secret" };

/** A signed token, as other issuers give one. */
function signToken(privateKey: string, claims: object): string {
  const toPart = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${toPart({ alg: "ES256", typ: "JWT" })}.${toPart(claims)}`;
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${signed}.${createSign("sha256").update(signed).sign(key, "base64url")}`;
}

describeWith("bao", "logins at OpenBao", () => {
  let bao: OpenBao;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "eka-ci-login-"));
    bao = await startOpenBao();
    const policy = 'path "secret/data/ci/*" { capabilities = ["read"] }';
    await bao.administer("PUT", "sys/policies/acl/reader", { policy });
    await bao.administer("POST", "secret/data/ci/s3", { data: KEYS });
  }, 60_000);
  afterAll(async () => {
    await bao[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const logIn = (auth: VaultAuth, env: Record<string, string> = {}) => {
    const source: VaultSource = {
      ...{ type: "vault", address: bao.url, secretPath: "secret/data/ci/s3", tokenEnv: "VAULT_TOKEN" },
      auth,
    };
    return readVault(source, env);
  };

  describe("by AppRole", () => {
    let auth: Extract<VaultAuth, { readonly method: "approle" }>;
    let secretId: string;
    const path = "auth/ci-roles/role/pusher";
    const limit = (ttl: string, max: string): Promise<unknown> =>
      bao.administer("POST", path, {
        token_policies: ["reader"],
        ...{ token_ttl: ttl, token_max_ttl: max },
      });
    const issueSecret = async (): Promise<string> => {
      const { data } = await bao.administer("POST", `${path}/secret-id`);
      return (data as { secret_id: string }).secret_id;
    };
    const revokeAll = async (): Promise<void> => {
      await bao.administer("PUT", "sys/leases/revoke-prefix/auth/ci-roles/login");
    };
    beforeAll(async () => {
      await bao.administer("POST", "sys/auth/ci-roles", { type: "approle" });
      await limit("1h", "2h");
      const { data } = await bao.administer("GET", `${path}/role-id`);
      const { role_id: roleId } = data as { role_id: string };
      secretId = await issueSecret();
      auth = { method: "approle", roleId, secretIdEnv: "VAULT_SECRET_ID", mount: "ci-roles" };
    });

    it("reads with the token of one login", async () => {
      const { asked, read } = logIn(auth, { VAULT_SECRET_ID: secretId, VAULT_TOKEN: "canary-not-used" });
      expect((await read()).values).toEqual(KEYS);
      expect((await read()).values).toEqual(KEYS);
      expect(asked.filter((request) => request.startsWith("POST"))).toEqual(["POST auth/ci-roles/login"]);
    });

    it("renews the token in the second half of its life, and logs in anew at the end of its longest", async () => {
      await limit("4s", "6s");
      const { asked, read } = logIn(auth, { VAULT_SECRET_ID: secretId });
      for (let round = 0; round < 5; round++) {
        expect((await read()).values).toEqual(KEYS);
        await sleep(2_200);
      }
      const [login, renewal] = ["POST auth/ci-roles/login", "POST auth/token/renew-self"];
      const posts = asked.filter((request) => request.startsWith("POST"));
      expect(posts.slice(0, 4)).toEqual([login, renewal, renewal, login]);
      await limit("1h", "2h");
    }, 30_000);

    it("logs in anew when its token was revoked", async () => {
      const { asked, read } = logIn(auth, { VAULT_SECRET_ID: secretId });
      await read();
      await revokeAll();
      expect((await read()).values).toEqual(KEYS);
      expect(asked.filter((request) => request.endsWith("login"))).toHaveLength(2);
    });

    it("is denied once, without a second login, where the role may not read", async () => {
      await bao.administer("POST", path, { token_policies: ["default"] });
      const { asked, read } = logIn(auth, { VAULT_SECRET_ID: secretId });
      await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
      expect(asked.filter((request) => request.endsWith("login"))).toHaveLength(1);
      await limit("1h", "2h");
    });

    it("reads the secret ID of a file anew for each login", async () => {
      const secretIdFile = join(directory, "secret-id");
      await writeFile(secretIdFile, `${secretId}\n`, { mode: 0o600 });
      const { read } = logIn({ ...auth, secretIdFile });
      expect((await read()).values).toEqual(KEYS);
      await bao.administer("POST", `${path}/secret-id/destroy`, { secret_id: secretId });
      secretId = await issueSecret();
      await writeFile(secretIdFile, secretId);
      await revokeAll();
      expect((await read()).values).toEqual(KEYS);
    });

    it.each([
      ["a wrong secret ID", { VAULT_SECRET_ID: "canary-wrong-secret-id" }, "ERR_CREDENTIAL_DENIED"],
      ["no secret ID", {}, "ERR_CREDENTIAL_NOT_CONFIGURED"],
    ])("with %s fails, and shows nothing", async (_name, env, code) => {
      const { asked, read } = logIn(auth, env);
      const error: unknown = await read().catch((failure: unknown) => failure);
      expect(error).toMatchObject({ name: "CredentialError", code, sourceType: "vault" });
      expect(toVisibleText(error)).not.toContain("canary");
      expect(asked.length).toBeLessThan(2);
    });

    it("at a mount that is not there is denied", async () => {
      const { read } = logIn({ ...auth, mount: "nowhere" }, { VAULT_SECRET_ID: secretId });
      await expect(read()).rejects.toMatchObject({ code: "ERR_CREDENTIAL_DENIED" });
    });
  });

  it("by a token of another issuer", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    await bao.administer("POST", "sys/auth/jwt", { type: "jwt" });
    await bao.administer("POST", "auth/jwt/config", { jwt_validation_pubkeys: [publicKey] });
    await bao.administer("POST", "auth/jwt/role/ci", {
      ...{ role_type: "jwt", user_claim: "sub", bound_audiences: ["eka-ci"], token_policies: ["reader"] },
    });
    const now = Math.floor(Date.now() / 1000);
    const claims = { sub: "canary-runner", aud: "eka-ci", iat: now, exp: now + 300 };
    const auth = { method: "jwt", role: "ci", tokenEnv: "VAULT_JWT", mount: "jwt" } as const;
    const { read } = logIn(auth, { VAULT_JWT: signToken(privateKey, claims) });
    expect((await read()).values).toEqual(KEYS);
    const tokenFile = join(directory, "jwt");
    await writeFile(tokenFile, signToken(privateKey, { ...claims, aud: "somebody-else" }), { mode: 0o644 });
    await expect(logIn({ ...auth, tokenFile }).read()).rejects.toMatchObject({
      code: "ERR_CREDENTIAL_DENIED",
    });
    await writeFile(tokenFile, signToken(privateKey, claims));
    expect((await logIn({ ...auth, tokenFile }).read()).values).toEqual(KEYS);
  });

  describe("by the service account of a pod", () => {
    let kubernetes: LoopbackServer;
    /** The part of Kubernetes that says whose a token is. */
    const review = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      status: {
        authenticated: true,
        user: {
          username: "system:serviceaccount:ci:eka-ci",
          uid: "d77f89bc-9055-11e7-a068-0800276d99bf",
          groups: ["system:serviceaccounts", "system:serviceaccounts:ci"],
        },
      },
    };
    beforeAll(async () => {
      kubernetes = await startServer(() => ({ status: 201, body: review }));
      await bao.administer("POST", "sys/auth/kubernetes", { type: "kubernetes" });
      await bao.administer("POST", "auth/kubernetes/config", {
        ...{ kubernetes_host: kubernetes.url, disable_local_ca_jwt: true, token_reviewer_jwt: "reviewer" },
        // It has to have one, also where Kubernetes is asked without TLS.
        kubernetes_ca_cert: rootCertificates[0],
      });
      await bao.administer("POST", "auth/kubernetes/role/ci", {
        bound_service_account_names: ["eka-ci"],
        bound_service_account_namespaces: ["ci"],
        token_policies: ["reader"],
      });
    });
    afterAll(() => kubernetes[Symbol.asyncDispose]());

    it.each([
      ["ci", undefined],
      ["another", "ERR_CREDENTIAL_DENIED"],
    ])("in the role %s", async (role, code) => {
      const { privateKey } = generateKeyPairSync("ec", {
        namedCurve: "P-256",
        publicKeyEncoding: { type: "spki", format: "pem" },
        privateKeyEncoding: { type: "pkcs8", format: "pem" },
      });
      const now = Math.floor(Date.now() / 1000);
      const account = { name: "eka-ci", uid: "d77f89bc-9055-11e7-a068-0800276d99bf" };
      const claims = {
        ...{ iss: "https://kubernetes.default.svc", iat: now, exp: now + 300 },
        ...{
          sub: "system:serviceaccount:ci:eka-ci",
          "kubernetes.io": { namespace: "ci", serviceaccount: account },
        },
      };
      const tokenFile = join(directory, "account");
      // The mode that Kubernetes gives it.
      await writeFile(tokenFile, signToken(privateKey, claims), { mode: 0o644 });
      const { read } = logIn({ method: "kubernetes", role, tokenFile, mount: "kubernetes" });
      if (code === undefined) expect((await read()).values).toEqual(KEYS);
      else await expect(read()).rejects.toMatchObject({ code });
    });
  });
});

describeWith("bao", "certificates of OpenBao", () => {
  let bao: OpenBao;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "eka-ci-tls-"));
    bao = await startOpenBao(["-dev-tls", `-dev-tls-cert-dir=${directory}`]);
    // Read before the others, it would hide them.
    await writeFile(
      join(directory, "a.pem"),
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    );
  }, 60_000);
  afterAll(async () => {
    await bao[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const ask = (env: Record<string, string>, tlsServerName?: string) => {
    const address = bao.url.replace("http://", "https://");
    const source: VaultSource = {
      type: "vault",
      address,
      secretPath: "secret/none",
      tokenEnv: "VAULT_TOKEN",
    };
    return readVault({ ...source, tlsServerName }, { VAULT_TOKEN: "canary-root-token", ...env }).read();
  };
  const reached = { code: "ERR_CREDENTIAL_NOT_FOUND" };
  const notTrusted = { code: "ERR_CREDENTIAL_UNREACHABLE" };

  it.each([
    ["a file", () => ({ VAULT_CACERT: join(directory, "vault-ca.pem") }), undefined, reached],
    ["a directory", () => ({ VAULT_CAPATH: directory }), undefined, reached],
    ["nobody", () => ({}), undefined, notTrusted],
    ["a file, by another name of the server", () => ({ VAULT_CAPATH: directory }), "localhost", reached],
    ["a file, and not by a wrong name", () => ({ VAULT_CAPATH: directory }), "other.internal", notTrusted],
    [
      "a directory that is not there",
      () => ({ VAULT_CAPATH: "/nonexistent" }),
      undefined,
      { code: "ERR_CREDENTIAL_NOT_FOUND", message: expect.stringContaining("VAULT_CAPATH") },
    ],
    [
      "a directory without any",
      () => ({ VAULT_CAPATH: "/proc/self/net" }),
      undefined,
      { code: "ERR_CREDENTIAL_MALFORMED" },
    ],
  ])("are trusted by %s", async (_name, env, tlsServerName, expected) => {
    await expect(ask(env(), tlsServerName)).rejects.toMatchObject(expected);
  });
});
