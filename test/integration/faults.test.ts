import {
  type CredentialSource,
  createCredentialResolver,
  createNodeRuntime,
  type ErrorCodes,
} from "@eka-ci/caches";
import { createTestRuntime, toVisibleText } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { FAULTS, type Fault, startFaultServer } from "./servers/fault-server.ts";
import { startServer } from "./servers/loopback-server.ts";

const { http, clock } = createNodeRuntime();
const SECRETS = {
  VAULT_TOKEN: "canary-vault-token",
  AWS_ACCESS_KEY_ID: "AKIACANARY",
  AWS_SECRET_ACCESS_KEY: "canary-aws-key",
  AWS_SESSION_TOKEN: "canary-aws-session",
  AWS_REGION: "eu-west-1",
};

/** Each source, and the variables that lead it to a server. */
const SOURCES: Readonly<
  Record<string, (url: string) => readonly [CredentialSource, Record<string, string>]>
> = {
  vault: (url) => [{ type: "vault", address: url, secretPath: "secret/x", tokenEnv: "VAULT_TOKEN" }, {}],
  "aws-secrets-manager": (url) => [
    { type: "aws-secrets-manager", secretName: "x" },
    { AWS_ENDPOINT_URL_SECRETS_MANAGER: url },
  ],
  "instance-metadata on EC2": (url) => [
    { type: "instance-metadata", provider: "aws" },
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: url },
  ],
  "instance-metadata on Google Cloud": (url) => [
    { type: "instance-metadata" },
    { GCE_METADATA_HOST: url.replace("http://", "") },
  ],
  "instance-metadata on Azure": (url) => [
    { type: "instance-metadata" },
    { AZURE_POD_IDENTITY_AUTHORITY_HOST: url },
  ],
};

const CODES: Readonly<Record<Fault, ErrorCodes["CredentialError"]>> = {
  drips: "ERR_CREDENTIAL_UNREACHABLE",
  closes: "ERR_CREDENTIAL_UNREACHABLE",
  redirects: "ERR_CREDENTIAL_UNAVAILABLE",
  html: "ERR_CREDENTIAL_MALFORMED",
  huge: "ERR_CREDENTIAL_MALFORMED",
  silent: "ERR_CREDENTIAL_UNREACHABLE",
  truncates: "ERR_CREDENTIAL_UNREACHABLE",
  teapot: "ERR_CREDENTIAL_MALFORMED",
};

describe.each(Object.keys(SOURCES))("%s, at a server that misbehaves", (name) => {
  it.concurrent.each(FAULTS)("in this way: %s", async (fault) => {
    const other = await startServer(() => ({ status: 200, body: "{}" }));
    const server = await startFaultServer(fault, other.url);
    const [source, env] = SOURCES[name]?.(server.url) ?? [];
    if (source === undefined) throw new Error("no source");
    const resolver = createCredentialResolver({
      runtime: createTestRuntime({ env: { ...SECRETS, ...env }, http, clock }),
    });
    const start = performance.now();
    const failure = resolver.resolve(source);
    const shown = await failure.then(
      () => "answered",
      (error: unknown) => toVisibleText(error),
    );
    const elapsedMs = performance.now() - start;
    await expect(failure).rejects.toMatchObject({ name: "CredentialError", code: CODES[fault] });
    expect(shown).not.toContain("canary");
    expect(elapsedMs).toBeLessThan(12_000);
    expect(other.requests).toEqual([]);
    await Promise.all([server[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
  });
});
