/**
 * A whole push on one machine: a trusted TOML file, an untrusted JSON file and a store path become an upload
 * to a binary cache on the loopback interface. Run it with `npm run demo`.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CacheRegistry,
  explainDecision,
  formatAuditEvent,
  loadRepositoryConfig,
  type PushRequest,
  type PushResult,
} from "@eka-ci/caches";
import { createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";
import { BinaryCacheServer } from "./support/binary-cache-server.ts";
import { PrivateNixStore } from "./support/private-nix-store.ts";

const ALLOWED = { repository: "company/backend", ref: { type: "branch", name: "main" } } as const;

const DENIED = [
  { repository: "company/backend", ref: { type: "branch", name: "feature/login" } },
  { repository: "stranger/backend", ref: { type: "branch", name: "main" } },
  {
    repository: "company/backend",
    ref: { type: "pull-request", number: 7, head: { repository: "stranger/backend", branch: "main" } },
  },
] as const;

function toServerConfig(cacheUrl: string): string {
  return `
[security]
max_hook_timeout_seconds = 60
allow_private_cache_hosts = true # the cache of this demo listens on 127.0.0.1

[[caches]]
id = "team-cache"
cache_type = "nix-copy"
destination = "${cacheUrl}"

[caches.credentials]
env = { vars = ["HTTP_USERNAME", "HTTP_PASSWORD"] }

[caches.permissions]
allow_all = false
allowed_repos = ["company/*"]
allowed_branches = ["main", "release/*"]
`;
}

const REPOSITORY_CONFIG = `{
  "jobs": {
    "backend": { "file": "backend.nix", "caches": ["team-cache", "no-such-cache"] }
  }
}
`;

const CREDENTIALS = { HTTP_USERNAME: "ci", HTTP_PASSWORD: "only-for-this-demo" };

/** The difference between a machine with Nix and one without. */
interface Stage {
  readonly storePath: string;
  readonly loadRegistry: (configFile: string) => Promise<CacheRegistry>;
  readonly prove: (cache: BinaryCacheServer) => void;
}

async function stageWithNix(store: PrivateNixStore): Promise<Stage> {
  const storePath = await store.add("greeting", `Hello from ${new Date().toISOString()}\n`);
  return {
    storePath,
    loadRegistry: (file) => CacheRegistry.load(file, { runtime: { env: { ...store.env, ...CREDENTIALS } } }),
    prove: (cache) => {
      const narinfo = cache.narinfo(storePath);
      if (narinfo === undefined) throw new Error("The cache has no narinfo for the path");
      console.log(`The cache answers with the narinfo:\n\n${indent(narinfo.trim())}\n`);
    },
  };
}

function stageWithoutNix(): Stage {
  const executor = createRecordingExecutor();
  return {
    storePath: "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-greeting",
    loadRegistry: (file) => {
      const { clock } = createTestRuntime();
      return CacheRegistry.load(file, { executor, runtime: { env: CREDENTIALS, clock } });
    },
    prove: () => {
      const files = executor.commands.map(({ file }) => file).join(", ");
      console.log(`Nothing was uploaded; the recording executor was asked to run: ${files}\n`);
    },
  };
}

async function demonstrate(stage: Stage, directory: string): Promise<void> {
  await using cache = await BinaryCacheServer.start({
    credentials: { username: CREDENTIALS.HTTP_USERNAME, password: CREDENTIALS.HTTP_PASSWORD },
  });
  const serverFile = join(directory, "ekaci.toml");
  const repositoryFile = join(directory, "config.json");
  await writeFile(serverFile, toServerConfig(cache.url));
  await writeFile(repositoryFile, REPOSITORY_CONFIG);
  console.log(`A binary cache listens on ${cache.url}; the server's file defines it as team-cache.`);
  console.log(`The store holds ${stage.storePath}.\n`);

  await using registry = await stage.loadRegistry(serverFile);
  registry.subscribe((event) => console.log(`  ${formatAuditEvent(event)}`));
  const repositoryConfig = await loadRepositoryConfig(repositoryFile);
  const caches = repositoryConfig.jobs.get("backend")?.caches ?? [];
  const request: PushRequest = { ...ALLOWED, job: "backend", caches, storePaths: [stage.storePath] };

  console.log("What a push would run:\n");
  for (const entry of registry.plan(request).entries) {
    console.log(
      indent(explainDecision(entry.decision)),
      ...entry.commands.map((command) => `\n    ${command}`),
    );
  }
  console.log("\nA push from company/backend, branch main:\n");
  const report = await registry.push(request);
  expectStatus(report.results[0], "pushed");
  stage.prove(cache);
  for (const denied of DENIED) {
    console.log(`A push from ${denied.repository}, ${describeRef(denied.ref)}:\n`);
    const { results } = await registry.push({ ...request, ...denied, caches: ["team-cache"] });
    expectStatus(results[0], "denied");
  }
}

function expectStatus(result: PushResult | undefined, status: PushResult["status"]): void {
  if (result?.status !== status)
    throw new Error(`Expected ${status}, got ${JSON.stringify(result, null, 2)}`);
  console.log(`\n  => ${result.cacheId}: ${result.status}\n`);
}

function describeRef(ref: (typeof DENIED)[number]["ref"]): string {
  return ref.type === "branch" ? `branch ${ref.name}` : `pull request ${ref.number} of a fork`;
}

function indent(text: string): string {
  return text.replace(/^/gmu, "  ");
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "eka-ci-demo-"));
  try {
    const version = await PrivateNixStore.findNix();
    if (version === undefined) {
      console.log(
        "No nix is installed here, so nothing is really uploaded; the recording executor stands in.\n",
      );
      await demonstrate(stageWithoutNix(), directory);
      return;
    }
    console.log(`${version} is installed here, so this is a real upload.\n`);
    await using store = await PrivateNixStore.create();
    await demonstrate(await stageWithNix(store), directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
