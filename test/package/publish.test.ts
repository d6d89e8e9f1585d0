import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { installTarball } from "../../scripts/install-tarball.ts";
import { type ExternalServer, startExternal } from "../integration/servers/external-server.ts";
import { describeWith } from "../support/requirement.ts";
import { runQuickStart } from "../support/run-quick-start.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Starts a registry that has what is published to it, and asks the host's own for everything else. */
async function startRegistry(directory: string): Promise<ExternalServer> {
  const { stdout: upstream } = await run("npm", ["config", "get", "registry"], { cwd: ROOT });
  const config = join(directory, "verdaccio.yaml");
  const lines = [
    `storage: ${join(directory, "storage")}`,
    `auth: { htpasswd: { file: ${join(directory, "htpasswd")} } }`,
    `uplinks: { upstream: { url: "${upstream.trim()}", cache: false } }`,
    "packages:",
    '  "@eka-ci/*": { access: $all, publish: $authenticated }',
    '  "**": { access: $all, proxy: upstream }',
    "log: { type: stdout, level: error }",
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  return startExternal("verdaccio", (port) => ["--config", config, "--listen", `127.0.0.1:${port}`]);
}

async function register(url: string): Promise<string> {
  const response = await fetch(`${url}/-/user/org.couchdb.user:ci`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "ci", password: "of-a-registry-for-a-minute" }),
  });
  const { token }: { token?: unknown } = JSON.parse(await response.text());
  if (typeof token !== "string") throw new Error("The registry gives no token");
  return token;
}

describeWith("verdaccio", "a release in a registry on the loopback", () => {
  it("is published, installed, and does the quick start", async () => {
    await using store = await PrivateNixStore.create();
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-publish-"));
    const home = join(directory, "home");
    await mkdir(home);
    try {
      await using registry = await startRegistry(directory);
      const token = await register(registry.url);
      const host = new URL(registry.url).host;
      await writeFile(join(home, ".npmrc"), `registry=${registry.url}/\n//${host}/:_authToken=${token}\n`);
      const env = { ...process.env, HOME: home, npm_config_registry: registry.url };
      const { tarball } = await installTarball(join(directory, "packed"));
      const publish = (...args: readonly string[]) =>
        run("npm", ["publish", "--access", "public", ...args, tarball], { cwd: home, env, maxBuffer: 1e8 });
      expect((await publish("--dry-run", "--json")).stdout).toContain("@eka-ci/caches");
      await publish();
      const { stdout: version } = await run("npm", ["view", "@eka-ci/caches", "version"], { cwd: home, env });
      expect(tarball).toContain(version.trim());
      await runQuickStart({ store, folder: join(directory, "empty"), home });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 300_000);
});
