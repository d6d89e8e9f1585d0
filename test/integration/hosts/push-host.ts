// A host that pushes some paths once, and prints the result. The test that runs it ends it in the middle, or
// takes something from it.
import { CacheRegistry } from "@eka-ci/caches";

const { toml, storePaths, timeoutMs } = JSON.parse(process.argv[2] ?? "{}");
await using registry = CacheRegistry.fromToml(toml);
const request = { repository: "o/r", job: "j", caches: ["one"], storePaths };
const [result] = (await registry.push(request, { timeoutMs })).results;
process.stdout.write(`${JSON.stringify(result)}\n`);
