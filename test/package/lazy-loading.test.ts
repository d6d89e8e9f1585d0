import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

// Writes every module that is loaded to standard error, by a hook that runs in its own thread.
const HOOK = `
export async function load(url, context, next) {
  process._rawDebug("LOADED " + url);
  return next(url, context);
}`;

const IMPORT_ALL = 'const { createCredentialResolver } = await import("@eka-ci/caches");';

async function listLoaded(code: string, imported = IMPORT_ALL): Promise<string[]> {
  const script = `
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(${JSON.stringify(HOOK)}));
    ${imported}
    ${code}`;
  const args = ["--import", "tsx", "--input-type=module", "-e", script];
  const { stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, maxBuffer: 2 ** 24 });
  return [...stderr.matchAll(/^LOADED (.*)$/gmu)].map((match) => match[1] ?? "");
}

const isCloudSdk = (url: string): boolean =>
  /node_modules\/(?:@aws-sdk|@smithy|@aws|node-vault|axios)\//u.test(url);

it("importing the package loads no package that only a function needs", async () => {
  const loaded = await listLoaded("");
  for (const name of ["toml", "picomatch", "@humanwhocodes/momoa", "tinyexec"])
    expect(
      loaded.filter((url) => url.includes(`/node_modules/${name}/`)),
      name,
    ).toEqual([]);
  expect(loaded.filter(isCloudSdk)).toEqual([]);
  // These bring node:crypto, and with it all streams.
  expect(loaded.filter((url) => /\/src\/(?:upload\/|binary-cache\/path-signature)/u.test(url))).toEqual([]);
});

it("importing the entry for decisions loads nothing that pushes", async () => {
  const loaded = await listLoaded("", 'await import("@eka-ci/caches/decisions");');
  const own = loaded.filter((url) => url.includes("/src/"));
  expect(own.filter((url) => /\/src\/(?:config|policy)\//u.test(url)).length).toBeGreaterThan(20);
  expect(
    own.filter((url) => /\/src\/(?:delivery|upload|execution|binary-cache|credentials)\//u.test(url)),
  ).toEqual([]);
});

it("a source on this machine loads none either", async () => {
  const loaded = await listLoaded(`
    process.env.A_TOKEN = "x";
    await createCredentialResolver().resolve({ type: "env", vars: ["A_TOKEN"] });`);
  expect(loaded.filter(isCloudSdk)).toEqual([]);
});

it("a source that needs an SDK loads it when it is asked", async () => {
  const loaded = await listLoaded(`
    process.env.VAULT_TOKEN = "x";
    await createCredentialResolver()
      .resolve({ type: "vault", address: "http://127.0.0.1:1", secretPath: "secret/x", tokenEnv: "VAULT_TOKEN" })
      .catch(() => undefined);`);
  expect(loaded.some((url) => url.includes("/node_modules/node-vault/"))).toBe(true);
  expect(loaded.some((url) => url.includes("/node_modules/@aws-sdk/"))).toBe(false);
});
