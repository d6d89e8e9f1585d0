// What a user's program looks like to the compiler; it is checked against the installed package, and never
// run.
import {
  CacheRegistry,
  type CredentialProvider,
  type Decision,
  defineCredentialSource,
  type Executor,
  isCachesError,
  PushQueue,
  type PushReport,
  Secret,
} from "@eka-ci/caches";
import { createRecordingExecutor, createStaticProvider } from "@eka-ci/caches/testing";

const executor: Executor = createRecordingExecutor({ respond: () => ({ exitCode: 0 }) });
const provider: CredentialProvider = createStaticProvider({ A_TOKEN: "x" });
const source = defineCredentialSource<{ readonly name: string }>({
  type: "custom:team",
  schema: {
    "~standard": { version: 1, vendor: "consumer", validate: () => ({ value: { name: "x" } }) },
  },
  create: (options) => async () => ({ env: new Map([[options.name, new Secret("x")]]) }),
});

export async function push(toml: string): Promise<PushReport> {
  await using registry = CacheRegistry.fromToml(toml, { executor, credentialSources: [source] });
  await using queue = new PushQueue(registry);
  const decision: Decision = registry.authorize("team", { repository: "o/r" });
  if (decision.effect === "deny") console.error(decision.reason);
  try {
    const request = { repository: "o/r", job: "j", caches: ["team"], storePaths: [] };
    return await (await queue.enqueue(request)).done;
  } catch (error) {
    if (isCachesError(error)) console.error(error.code);
    throw error;
  } finally {
    await provider();
  }
}

// @ts-expect-error an effect is one of two
export const wrong: Decision["effect"] = "maybe";
