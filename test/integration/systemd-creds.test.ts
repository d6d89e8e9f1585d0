import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createCredentialResolver } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/requirement.ts";

const run = promisify(execFile);
const LINES = "AWS_ACCESS_KEY_ID=AKIACANARY\nAWS_SECRET_ACCESS_KEY=canary-systemd";

describeWith("systemd-creds", "systemd-credential, by systemd-creds encrypt and decrypt", () => {
  let directory = "";
  let credentials = "";
  const creds = (...args: string[]) =>
    run("systemd-creds", args, {
      env: { ...process.env, SYSTEMD_CREDENTIAL_SECRET: join(directory, "host.secret") },
    });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "eka-ci-creds-"));
    credentials = join(directory, "credentials");
    await mkdir(credentials, { mode: 0o700 });
    await writeFile(join(directory, "plain"), LINES, { mode: 0o600 });
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const resolve = (name: string) =>
    createCredentialResolver({ runtime: { env: { CREDENTIALS_DIRECTORY: credentials } } }).resolve({
      type: "systemd-credential",
      name,
    });

  it("reads what the administrator encrypted and the service manager decrypts", async () => {
    const encrypted = join(directory, "s3-cache-creds");
    await creds("encrypt", "--with-key=host", "--name=s3-cache-creds", join(directory, "plain"), encrypted);
    await creds("decrypt", "--name=s3-cache-creds", encrypted, join(credentials, "s3-cache-creds"));
    await chmod(join(credentials, "s3-cache-creds"), 0o400);
    const { env } = await resolve("s3-cache-creds");
    expect(Object.fromEntries([...env].map(([name, value]) => [name, value.expose()]))).toEqual({
      AWS_ACCESS_KEY_ID: "AKIACANARY",
      AWS_SECRET_ACCESS_KEY: "canary-systemd",
    });
  });

  it("does not take the encrypted file for the credential", async () => {
    await creds(
      "encrypt",
      "--with-key=host",
      "--name=raw",
      join(directory, "plain"),
      join(credentials, "raw"),
    );
    await chmod(join(credentials, "raw"), 0o400);
    await expect(resolve("raw")).rejects.toMatchObject({ code: "ERR_CREDENTIAL_MALFORMED" });
  });
});
