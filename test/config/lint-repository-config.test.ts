import {
  formatDiagnostic,
  type GitRef,
  lintRepositoryConfig,
  parseRepositoryConfig,
  parseServerConfig,
  type RepositoryConfig,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { readFixture } from "../support/fixture.ts";

const server = parseServerConfig(readFixture("config/server/example-2-company.toml"));
const branch = (name: string): GitRef => ({ type: "branch", name });

const TEXT = `{
  "jobs": {
    "server": { "caches": ["staging", "staging", "live"] },
    "docs": { "caches": ["stagign", "nothing-like-it"] }
  }
}`;
const config = parseRepositoryConfig(TEXT, { source: "repo/.eka-ci/config.json" });

describe("linting a repository's configuration", () => {
  it("tells which jobs name caches that do not exist, with their places", () => {
    const findings = lintRepositoryConfig(config, server);
    expect(findings).toMatchObject([
      {
        code: "unknown-cache",
        severity: "warning",
        source: "repo/.eka-ci/config.json",
        job: "docs",
        cacheId: "stagign",
        path: ["jobs", "docs", "caches", 0],
        range: { start: { line: 4, column: 26 } },
        hint: "Did you mean staging?",
        decision: { effect: "deny", reason: "unknown-cache", cacheId: "stagign" },
      },
      { code: "unknown-cache", cacheId: "nothing-like-it", path: ["jobs", "docs", "caches", 1] },
    ]);
    expect(findings.map((finding) => formatDiagnostic(finding))[0]).toBe(
      "repo/.eka-ci/config.json:4:26: warning[unknown-cache]: Cache ID 'stagign' not found in server registry (at jobs.docs.caches[0]). Did you mean staging?",
    );
  });

  it.each<[repository: string, ref: GitRef | undefined, expected: (readonly [string, string])[]]>([
    ["acme/server", branch("main"), []],
    ["acme/server", branch("wip"), [["live", "branch-not-allowed"]]],
    ["acme/server", undefined, [["live", "branch-required"]]],
    ["acme/server", { type: "tag", name: "v1" }, [["live", "not-a-branch"]]],
    ["acme/tool", branch("main"), [["live", "repository-not-allowed"]]],
    [
      "other/tool",
      branch("main"),
      [
        ["staging", "repository-not-allowed"],
        ["live", "repository-not-allowed"],
      ],
    ],
    [
      "acme/server",
      { type: "pull-request", number: 7, head: { repository: "fork/server", branch: "main" } },
      [
        ["staging", "fork-not-allowed"],
        ["live", "fork-not-allowed"],
      ],
    ],
    [
      "no-owner",
      branch("main"),
      [
        ["staging", "invalid-request"],
        ["live", "invalid-request"],
      ],
    ],
  ])("tells what would be denied to %s on %j", (repository, ref, expected) => {
    const denied = lintRepositoryConfig(config, server, { repository, ref }).filter(
      ({ job }) => job === "server",
    );
    expect(denied.map(({ cacheId, decision }) => [cacheId, decision.reason])).toEqual(expected);
    for (const { code, hint } of denied) expect([code, typeof hint]).toEqual(["push-denied", "string"]);
  });

  it("points at the place in the file, also behind an id that stands twice", () => {
    const [finding] = lintRepositoryConfig(config, server, { repository: "acme/tool" });
    expect(finding).toMatchObject({
      cacheId: "live",
      path: ["jobs", "server", "caches", 2],
      range: { start: { line: 3 } },
    });
  });

  it("names to a repository no cache that is kept from it", () => {
    const near = parseRepositoryConfig('{"jobs": {"a": {"caches": ["liv"]}}}');
    const hintFor = (repository?: string) =>
      lintRepositoryConfig(near, server, { repository, ref: branch("main") })[0]?.hint;
    expect(hintFor()).toBe("Did you mean live?");
    expect(hintFor("acme/server")).toBe("Did you mean live?");
    expect(hintFor("acme/tool")).not.toContain("live");
  });

  it("prints no name that has the form of a credential", () => {
    const text = JSON.stringify({
      jobs: { [`ghp_${"canary4f1d9c".repeat(2)}`]: { caches: ["wJalrXUtnFEMIK7MDENGbPxRfiCYcanary4f1d9c"] } },
    });
    expect(JSON.stringify(lintRepositoryConfig(parseRepositoryConfig(text), server))).not.toContain("canary");
  });

  it("takes bounded time for thousands of unknown ids and caches", () => {
    const caches = Array.from({ length: 64 }, (_id, index) => `productoin-${index}`);
    const jobs = Object.fromEntries(
      Array.from({ length: 150 }, (_job, index) => [
        `j${index}`,
        { caches: caches.map((id) => `${id}-${index}`) },
      ]),
    );
    const many = {
      ...server,
      caches: Array.from({ length: 1000 }, (_cache, index) => ({
        ...server.caches[0],
        id: `production-${index}`,
      })),
    };
    expect(
      lintRepositoryConfig(parseRepositoryConfig(JSON.stringify({ jobs })), many as typeof server),
    ).toHaveLength(9600);
  });

  it("works on configurations written by hand, without places", () => {
    const byHand: RepositoryConfig = { jobs: new Map([["__proto__", { caches: ["x", "staging"] }]]) };
    const findings = lintRepositoryConfig(byHand, server);
    expect(findings).toMatchObject([
      { path: ["jobs", "__proto__", "caches", 0], source: ".eka-ci/config.json" },
    ]);
    expect(findings[0]).not.toHaveProperty("range");
  });
});
