/**
 * Pushing on another host: the store is on a builder, and this server only controls the push.
 * `npx tsx examples/ssh-executor.ts` uses a stand-in for ssh that runs the commands on this machine; the
 * executor itself is in `support/ssh-executor.ts`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheRegistry, createProcessExecutor, formatAuditEvent } from "@eka-ci/caches";
import { BinaryCacheServer } from "./support/binary-cache-server.ts";
import { SshExecutor } from "./support/ssh-executor.ts";
import { writeSshStandIn } from "./support/ssh-stand-in.ts";
import { openStage } from "./support/stage.ts";

const toToml = (cacheUrl: string): string => `
  [security]
  allow_private_cache_hosts = true
  [[caches]]
  id = "team"
  cache_type = "nix-copy"
  destination = "${cacheUrl}"
  credentials = { env = { vars = ["HTTP_PASSWORD"] } }
  permissions = { allow_all = true }`;

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "eka-ci-ssh-"));
  await writeSshStandIn(directory);
  const password = "only-for-this-demo";
  await using cache = await BinaryCacheServer.start({ credentials: { username: "", password } });
  await using stage = await openStage(1, { HTTP_PASSWORD: password });
  const env = stage.options.runtime?.env ?? {};
  const nixVariables = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith("NIX_") && value !== undefined ? [[name, value]] : [],
  );
  const executor = new SshExecutor({
    host: "builder.example.com",
    local: createProcessExecutor({ path: `${directory}:${process.env["PATH"]}` }),
    env: Object.fromEntries(nixVariables),
  });
  await using registry = CacheRegistry.fromToml(
    toToml(cache.url),
    stage.isReal ? { ...stage.options, executor } : stage.options,
  );
  registry.subscribe((event) => console.log(`  ${formatAuditEvent(event)}`));
  const { results } = await registry.push({
    repository: "company/backend",
    job: "backend",
    caches: ["team"],
    storePaths: stage.storePaths,
  });
  for (const { cacheId, status } of results) console.log(`${cacheId}: ${status}`);
  await rm(directory, { recursive: true });
}

await main();
