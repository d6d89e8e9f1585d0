// A host as a soak starts, kills and pauses it by the hundred: it accepts some deliveries, tells what it has
// accepted and what it was told, and works until it is stopped. Its caches are simulated: a push takes a
// moment, and may fail. Every line it writes is one append, so that a kill cuts none in two.
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import {
  CacheRegistry,
  createNodeRuntime,
  createSqliteJournal,
  type Executor,
  PushError,
  type PushJournal,
  PushQueue,
} from "@eka-ci/caches";
import { createRandom } from "./random.ts";

/** What a host is to do. */
export interface HostPlan {
  readonly journal:
    | { readonly kind: "sqlite"; readonly path: string }
    | { readonly kind: "postgres"; readonly url: string };
  readonly log: string;
  readonly name: string;
  readonly seed: number;
  /** How many deliveries it accepts. */
  readonly deliveries: number;
  /** Whether it drains and ends by itself, without failures of caches. */
  readonly isLast: boolean;
  /** Steps of its wall clock, in milliseconds. */
  readonly clockStepsMs: readonly number[];
  readonly leaseMs: number;
}

const plan: HostPlan = JSON.parse(process.argv[2] ?? "{}");
const write = (...words: readonly string[]): void => appendFileSync(plan.log, `${words.join(" ")}\n`);

const random = createRandom(plan.seed);

const toml = ["a", "b", "c"]
  .map(
    (id) => `
  [[caches]]
  id = "${id}"
  cache_type = "cachix"
  destination = "${id}"
  credentials = { cachix-token = { env_var = "TOKEN" } }
  permissions = { allow_all = true }`,
  )
  .join("\n");

const FAILURES = ["HTTP error 503", "HTTP error 500", "Connection reset by peer", "nothing that is known"];

const executor: Executor = {
  execute: async (command, options) => {
    const args = command.args.map(String);
    const isPush = args.includes("push");
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, isPush ? 2 + random() * 25 : 0));
    const isAborted = options?.signal?.aborted === true;
    const fails = isPush && !plan.isLast && random() < 0.15;
    const [, cache = "", ...paths] = args.slice(args.indexOf("--"));
    if (isPush && !fails && !isAborted) for (const path of paths) write("brought", cache, path);
    return {
      outcome: isAborted ? "aborted" : fails ? "failed" : "succeeded",
      exitCode: isAborted ? null : fails ? 1 : 0,
      signal: null,
      durationMs: Math.round(performance.now() - startedAt),
      stdout: "",
      stderr: fails ? (FAILURES[Math.floor(random() * FAILURES.length)] ?? "") : "",
      truncated: false,
    };
  },
};

let offsetMs = 0;
const { clock } = createNodeRuntime();
const runtime = {
  env: { TOKEN: "token-canary" },
  clock: { ...clock, now: () => clock.now() + offsetMs },
  warn: (message: string) => write("warned", plan.name, message.replaceAll("\n", " ")),
};
for (const [index, step] of plan.clockStepsMs.entries())
  setTimeout(
    () => {
      offsetMs += step;
    },
    30 * (index + 1),
  );

const registry = CacheRegistry.fromToml(toml, { executor, runtime, verify: "never" });
/** A server that is down is asked again. */
async function openJournal(): Promise<PushJournal> {
  if (plan.journal.kind === "sqlite")
    return createSqliteJournal(plan.journal.path, {
      runtime,
      onSalvage: ({ kept, lost }) => write("salvaged", String(kept), String(lost)),
    });
  const { createPostgresJournal } = await import("@eka-ci/caches/postgres");
  for (;;) {
    try {
      return await createPostgresJournal({ connectionString: plan.journal.url, runtime });
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      write("closed", plan.name, error.code);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
const journal = await openJournal();
write("opened", plan.name);
const queue = new PushQueue(registry, {
  runtime,
  journal,
  leaseMs: plan.leaseMs,
  lingerMs: 2,
  maxBatchPaths: 8,
  maxAttempts: 50,
  maxCrashes: 1_000,
  deadlineMs: 86_400_000,
  backoff: { baseMs: 5, capMs: 40 },
  onSettled: async ({ deliveryId, result }) => {
    // Time for a kill between the end and its telling.
    if (random() < 0.1) await new Promise((resolve) => setTimeout(resolve, random() * 20));
    write("told", deliveryId, result.status);
  },
});

for (let index = 0; index < plan.deliveries; index++) {
  const path = `/nix/store/${String(Math.floor(random() * 1e15)).padStart(32, "0")}-${plan.name}-${index}`;
  const caches = random() < 0.3 ? ["a", "b"] : [["a", "b", "c"][Math.floor(random() * 3)] ?? "a"];
  const request = {
    ...{ repository: `o/r${Math.floor(random() * 3)}`, job: "j", caches, storePaths: [path] },
    pushId: randomUUID(),
  };
  // Whether the journal has kept it, a host that was refused does not know; it asks again under the same id.
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const { id } = await queue.enqueue(request);
      for (const cache of caches) write("accepted", `${id}/${cache}`, path);
      break;
    } catch (error) {
      write("refused", error instanceof PushError ? error.code : "unknown");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
if (plan.isLast) {
  await queue.drain({ timeoutMs: 120_000 });
  const letters = await queue.deadLetters();
  for (const { id, code } of letters) write("buried", id, code);
  const open = (await queue.stats()).reduce((sum, { waiting, held }) => sum + waiting + held, 0);
  write("drained", String(open));
  await queue.close();
  process.exit(0);
}
setInterval(() => {}, 1_000);
