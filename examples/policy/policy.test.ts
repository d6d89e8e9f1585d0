// Tests of a host's policy, on the server's file: who may push where, and above all who may not.
import { readFileSync } from "node:fs";
import {
  type AllowReason,
  CacheRegistry,
  type DenyReason,
  type GitRef,
  lintRepositoryConfig,
  parseRepositoryConfig,
} from "@eka-ci/caches";
import { createRecordingExecutor } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const executor = createRecordingExecutor();
const registry = CacheRegistry.fromToml(read("ekaci.toml"), { executor });

const branch = (name: string): GitRef => ({ type: "branch", name });
const fork: GitRef = {
  type: "pull-request",
  number: 1,
  head: { repository: "stranger/backend", branch: "main" },
};

describe("the company's caches", () => {
  it.each<[cache: string, repository: string, ref: GitRef | undefined, reason: AllowReason | DenyReason]>([
    ["dev", "company/backend", branch("wip"), "repository-matched"],
    ["dev", "company/tools", undefined, "repository-matched"],
    ["dev", "stranger/backend", branch("main"), "repository-not-allowed"],
    ["dev", "company/backend", fork, "fork-not-allowed"],
    ["production", "company/backend", branch("main"), "repository-and-branch-matched"],
    ["production", "company/backend", branch("release/v1"), "repository-and-branch-matched"],
    ["production", "company/backend", branch("release-party"), "branch-not-allowed"],
    ["production", "company/backend", { type: "tag", name: "main" }, "not-a-branch"],
    ["production", "company/backend", fork, "fork-not-allowed"],
    ["production", "company/tools", branch("main"), "repository-not-allowed"],
  ])("%s, %s at %j: %s", (cache, repository, ref, reason) => {
    expect(registry.authorize(cache, { repository, ref })).toMatchObject({ reason });
  });

  it("run nothing for a fork", async () => {
    const { results } = await registry.push({
      repository: "company/backend",
      ref: fork,
      job: "backend",
      caches: ["dev", "production"],
      storePaths: ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-backend-1.0"],
    });
    expect(results.map(({ status }) => status)).toEqual(["denied", "denied"]);
    expect(executor.commands).toEqual([]);
  });

  it("are named as they are by the repository's file, but for one slip", () => {
    const findings = lintRepositoryConfig(parseRepositoryConfig(read("config.json")), registry.config);
    expect(findings).toMatchObject([
      { job: "docs", cacheId: "prodction", hint: expect.stringContaining("production") },
    ]);
  });
});
