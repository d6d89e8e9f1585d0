/**
 * A credential source of the host: a keyring, whose entries may expire.
 * `npx tsx examples/custom-credential-source.ts` pushes to a cache on the loopback interface that requires a
 * password, which comes from the keyring.
 */
import {
  CacheRegistry,
  CredentialError,
  defineCredentialSource,
  formatAuditEvent,
  Secret,
} from "@eka-ci/caches";
import * as v from "valibot";
import { BinaryCacheServer } from "./support/binary-cache-server.ts";
import { openStage } from "./support/stage.ts";

/** Stands for whatever a host keeps its secrets in. */
interface Keyring {
  read(
    entry: string,
    signal: AbortSignal | undefined,
  ): Promise<{ password: string; until: Date } | undefined>;
}

const keyring: Keyring = {
  read: async (entry) =>
    entry === "team-cache"
      ? { password: "only-for-this-demo", until: new Date(Date.now() + 3_600_000) }
      : undefined,
};

/** `"custom:keyring" = { entry = "…" }` under `credentials`. */
const keyringSource = defineCredentialSource({
  type: "custom:keyring",
  schema: v.strictObject({ entry: v.pipe(v.string(), v.minLength(1)) }),
  create:
    ({ entry }) =>
    async ({ signal } = {}) => {
      const found = await keyring.read(entry, signal);
      if (found === undefined) {
        const message = `The keyring has no entry ${entry}; add it there`;
        throw new CredentialError("ERR_CREDENTIAL_NOT_FOUND", "custom:keyring", message);
      }
      const env = new Map([
        ["HTTP_USERNAME", new Secret("ci")],
        ["HTTP_PASSWORD", new Secret(found.password)],
      ]);
      return { env, expiration: found.until };
    },
});

const toToml = (cacheUrl: string): string =>
  ["team-cache", "missing"]
    .map(
      (entry) => `
        [[caches]]
        id = "with-${entry}"
        cache_type = "nix-copy"
        destination = "${cacheUrl}"
        credentials = { "custom:keyring" = { entry = "${entry}" } }
        permissions = { allow_all = true }`,
    )
    .join("\n");

async function main(): Promise<void> {
  const credentials = { username: "ci", password: "only-for-this-demo" };
  await using cache = await BinaryCacheServer.start({ credentials });
  await using stage = await openStage(1);
  const toml = `[security]\nallow_private_cache_hosts = true\n${toToml(cache.url)}`;
  await using registry = CacheRegistry.fromToml(toml, {
    ...stage.options,
    credentialSources: [keyringSource],
  });
  registry.subscribe((event) => console.log(`  ${formatAuditEvent(event)}`));
  const { results } = await registry.push({
    repository: "company/backend",
    job: "backend",
    caches: ["with-team-cache", "with-missing"],
    storePaths: stage.storePaths,
  });
  for (const result of results)
    console.log(`${result.cacheId}: ${result.status === "failed" ? result.error.code : result.status}`);
}

await main();
