// What the rules of a cache cost: `npm run bench:rules`, the first push of 301 paths to a cache in a process
// of its own, with a filter and a guard beside the same push without them. Exits with 1 if the rules take
// more than 5 % longer, or start a process.
import { CacheRegistry, createProcessExecutor, type Executor } from "@eka-ci/caches";
import { PrivateNixStore } from "../examples/support/private-nix-store.ts";
import { buildWide } from "../test/support/build-closure.ts";
import { race } from "./support/race.ts";
import { Scoreboard } from "./support/scoreboard.ts";
import { startLink } from "./support/start-link.ts";

const WIDTH = 300;
const RULES = `
  exclude = ["*-source", "*.iso"]
  max_nar_size = "2 GiB"
  deny_paths = ["*-secrets-*", "*-private"]
  max_closure_size = "20 GiB"
  max_paths = 20000`;

await using store = await PrivateNixStore.create();
await using link = await startLink();
const root = await buildWide(store, "rules", WIDTH);

const processes = { without: 0, with: 0 };
function open(rules: string, kind: keyof typeof processes): CacheRegistry {
  const own = createProcessExecutor({ runtime: { env: store.env } });
  const executor: Executor = {
    sharesDisk: true,
    execute: (command, options) => {
      processes[kind]++;
      return own.execute(command, options);
    },
  };
  return CacheRegistry.fromToml(
    `[security]
     allow_private_cache_hosts = true
     [[caches]]
     id = "one"
     cache_type = "nix-copy"
     destination = "http://127.0.0.1:${link.port}"
     credentials = "none"
     permissions = { allow_all = true }
     ${rules}`,
    { runtime: { env: store.env }, executor, presenceTtlMs: 0 },
  );
}

await using plain = open("", "without");
await using ruled = open(RULES, "with");
const push = (registry: CacheRegistry) => async (): Promise<void> => {
  await link.set({ clear: true, delayMs: 0 });
  const request = { repository: "o/r", job: "j", caches: ["one"], storePaths: [root] };
  const { results } = await registry.push(request);
  if (results[0]?.status !== "pushed") throw new Error("A push of the benchmark failed");
};
const times = await race({ without: push(plain), with: push(ruled) }, 25);
const board = new Scoreboard();
board.add({ what: `first push of ${WIDTH + 1} paths without rules`, value: times.without, unit: "ms" });
board.add({ what: "the same with a filter and a guard", value: times.with, unit: "ms" });
board.addAtMost("with / without", times.with / times.without, 1.05);
const more = processes.with - processes.without;
board.add({ what: "processes more", value: more, unit: "", goal: "0", isMet: more === 0 });
board.finish();
