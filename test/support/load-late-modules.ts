// What a registry loads with its first push is there before a test moves a clock by hand.
import { CacheRegistry } from "@eka-ci/caches";
import { createRecordingExecutor, createTestRuntime } from "@eka-ci/caches/testing";

const registry = CacheRegistry.fromToml(
  `[[caches]]
   id = "one"
   cache_type = "cachix"
   destination = "one"
   credentials = { env = { vars = ["CACHIX_AUTH_TOKEN"] } }`,
  {
    executor: createRecordingExecutor(),
    runtime: createTestRuntime({ env: { CACHIX_AUTH_TOKEN: "token" } }),
  },
);
const storePaths = ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-late"];
await registry.push({ repository: "o/r", job: "j", caches: ["one"], storePaths });
