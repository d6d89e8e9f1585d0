import {
  type AccessRequest,
  type AllowReason,
  assertAllowed,
  type CachePermissions,
  compilePermissions,
  type DenyReason,
  explainDecision,
  type GitRef,
  PermissionError,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

const branch = (name: string): GitRef => ({ type: "branch", name });
const tag = (name: string): GitRef => ({ type: "tag", name });
const pullRequest = (repository: string, name: string): GitRef => ({
  type: "pull-request",
  number: 7,
  head: { repository, branch: name },
});

const ALL: CachePermissions = { allowAll: true };
const NOBODY: CachePermissions = { allowAll: false };
const REPOS: CachePermissions = { allowAll: false, allowedRepos: ["company/*", "partner/plugin"] };
const BRANCHES: CachePermissions = { ...REPOS, allowedBranches: ["main", "release/*", "*/hotfix"] };
const FORKS: CachePermissions = { ...BRANCHES, allowForks: true };

type Row = [
  permissions: CachePermissions,
  repository: string,
  ref: GitRef | undefined,
  reason: AllowReason | DenyReason,
];

describe("evaluate", () => {
  it.each<Row>([
    // allow_all = true
    [ALL, "any/repo", undefined, "allow-all"],
    [ALL, "any/repo", branch("x"), "allow-all"],
    [ALL, "any/repo", tag("v1"), "allow-all"],
    [ALL, "any/repo", pullRequest("fork/repo", "main"), "allow-all"],
    [{ ...ALL, allowedRepos: ["a/b"], allowedBranches: ["main"] }, "any/repo", branch("x"), "allow-all"],
    [{ ...ALL, allowForks: false }, "any/repo", pullRequest("fork/repo", "main"), "fork-not-allowed"],
    // allow_all = false, no allowed_repos
    [NOBODY, "any/repo", branch("main"), "no-repositories-allowed"],
    [{ ...NOBODY, allowedRepos: [] }, "any/repo", branch("main"), "no-repositories-allowed"],
    [{ ...NOBODY, allowedBranches: ["main"] }, "any/repo", branch("main"), "no-repositories-allowed"],
    [{ ...NOBODY, allowForks: true }, "any/repo", branch("main"), "no-repositories-allowed"],
    // allowed_repos
    [REPOS, "company/app", undefined, "repository-matched"],
    [REPOS, "company/app", tag("v1"), "repository-matched"],
    [REPOS, "company/.github", branch("main"), "repository-matched"],
    [REPOS, "company/app", pullRequest("company/app", "wip"), "repository-matched"],
    [REPOS, "company/app", pullRequest("fork/app", "main"), "fork-not-allowed"],
    [REPOS, "company/app", pullRequest("Company/app", "main"), "fork-not-allowed"],
    [REPOS, "partner/plugin", undefined, "repository-matched"],
    [REPOS, "partner/plugin2", undefined, "repository-not-allowed"],
    [REPOS, "companyx/app", undefined, "repository-not-allowed"],
    [REPOS, "xcompany/app", undefined, "repository-not-allowed"],
    [REPOS, "company/group/app", undefined, "repository-not-allowed"],
    [REPOS, "Company/app", undefined, "repository-not-allowed"],
    [{ ...REPOS, allowedRepos: ["company/*/app"] }, "company/group/app", undefined, "repository-matched"],
    [{ ...REPOS, allowedRepos: ["*/*"] }, "company/app", undefined, "repository-matched"],
    [{ ...REPOS, allowedRepos: ["*/*"] }, "company/group/app", undefined, "repository-not-allowed"],
    // allowed_branches
    [BRANCHES, "company/app", branch("main"), "repository-and-branch-matched"],
    [BRANCHES, "company/app", branch("release/v1"), "repository-and-branch-matched"],
    [BRANCHES, "company/app", branch("release/v1/rc1"), "repository-and-branch-matched"],
    [BRANCHES, "company/app", branch("team/a/hotfix"), "repository-and-branch-matched"],
    [BRANCHES, "company/app", branch("release"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("release-evil"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("releases/x"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("x/release/y"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("hotfix"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("nothotfix"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("Main"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("m\u0430in"), "branch-not-allowed"],
    [BRANCHES, "company/app", branch("main2"), "branch-not-allowed"],
    [BRANCHES, "company/app", undefined, "branch-required"],
    [BRANCHES, "company/app", tag("main"), "not-a-branch"],
    [BRANCHES, "company/app", tag("release/v1"), "not-a-branch"],
    [BRANCHES, "other/app", branch("main"), "repository-not-allowed"],
    [
      { ...BRANCHES, allowedBranches: ["*"] },
      "company/app",
      branch("any/thing"),
      "repository-and-branch-matched",
    ],
    [{ ...BRANCHES, allowedBranches: ["*"] }, "company/app", undefined, "branch-required"],
    [{ ...BRANCHES, allowedBranches: [] }, "company/app", branch("main"), "branch-not-allowed"],
    // pull requests
    [BRANCHES, "company/app", pullRequest("company/app", "main"), "repository-and-branch-matched"],
    [BRANCHES, "company/app", pullRequest("company/app", "wip"), "branch-not-allowed"],
    [BRANCHES, "company/app", pullRequest("fork/app", "main"), "fork-not-allowed"],
    [BRANCHES, "company/app", pullRequest("company/other", "main"), "fork-not-allowed"],
    [FORKS, "company/app", pullRequest("fork/app", "main"), "repository-and-branch-matched"],
    [FORKS, "company/app", pullRequest("fork/app", "wip"), "branch-not-allowed"],
    [FORKS, "fork/app", pullRequest("company/app", "main"), "repository-not-allowed"],
    // requests that git or a forge would refuse
    [ALL, "", undefined, "invalid-request"],
    [ALL, "repo", undefined, "invalid-request"],
    [ALL, "a/../b", undefined, "invalid-request"],
    [ALL, "a/b.git", undefined, "invalid-request"],
    [ALL, "a//b", undefined, "invalid-request"],
    [ALL, "a/b\n", undefined, "invalid-request"],
    [ALL, "ä/b", undefined, "invalid-request"],
    [ALL, "a/b", branch(""), "invalid-request"],
    [ALL, "a/b", branch("HEAD"), "invalid-request"],
    [ALL, "a/b", branch("refs/heads/main"), "invalid-request"],
    [ALL, "a/b", branch("a b"), "invalid-request"],
    [ALL, "a/b", branch("a\nb"), "invalid-request"],
    [ALL, "a/b", branch("a*"), "invalid-request"],
    [ALL, "a/b", branch("-x"), "invalid-request"],
    [ALL, "a/b", branch("x".repeat(256)), "invalid-request"],
    [ALL, "a/b", branch("\ud800"), "invalid-request"],
    [ALL, "a/b", tag("a..b"), "invalid-request"],
    [ALL, "a/b", pullRequest("nope", "main"), "invalid-request"],
    [ALL, "a/b", pullRequest("c/d", "refs/heads/main"), "invalid-request"],
    [
      ALL,
      "a/b",
      { type: "pull-request", number: 0, head: { repository: "a/b", branch: "main" } },
      "invalid-request",
    ],
    [
      ALL,
      "a/b",
      { type: "pull-request", number: 1.5, head: { repository: "a/b", branch: "main" } },
      "invalid-request",
    ],
  ])("%j lets %s on %j: %s", (permissions, repository, ref, reason) => {
    const decision = compilePermissions(permissions, { cacheId: "c" }).evaluate({ repository, ref });
    expect(decision).toMatchObject({ cacheId: "c", reason });
    const allows: string[] = ["allow-all", "repository-matched", "repository-and-branch-matched"];
    expect(decision.effect).toBe(allows.includes(reason) ? "allow" : "deny");
  });

  it("names the rules that matched", () => {
    const decision = compilePermissions(BRANCHES).evaluate({
      repository: "company/app",
      ref: branch("release/v1"),
    });
    expect(decision).toMatchObject({
      matched: [
        { list: "allowed_repos", pattern: "company/*", index: 0 },
        { list: "allowed_branches", pattern: "release/*", index: 1 },
      ],
    });
    expect(explainDecision(decision)).toBe(
      `Allowed for cache 'unnamed-cache' (repository-and-branch-matched): allowed_repos[0] = "company/*", allowed_branches[1] = "release/*"`,
    );
  });

  it("says the denial of a branch in the words of the guide", () => {
    const decision = compilePermissions(BRANCHES).evaluate({
      repository: "company/app",
      ref: branch("develop"),
    });
    expect(decision).toMatchObject({ message: "Branch develop is not allowed" });
  });

  it.each([
    ["Company/app", branch("main"), "company/*"],
    ["company/app", branch("MAIN"), "main"],
    ["company/app", branch("Release/v1"), "release/*"],
  ])("says when only case differs: %s on %j", (repository, ref, pattern) => {
    const decision = compilePermissions(BRANCHES).evaluate({ repository, ref });
    expect(decision.effect === "deny" && decision.message).toContain(
      `differs only by case from the allowed ${pattern}`,
    );
  });

  it("answers programs without types with a denial", () => {
    const policy = compilePermissions(ALL);
    const requests: unknown[] = [
      undefined,
      null,
      7,
      "a/b",
      [],
      {},
      { repository: 7 },
      { repository: "a/b", ref: null },
    ];
    const refs: unknown[] = [
      "main",
      {},
      { type: "branch" },
      { type: "x" },
      { type: "pull-request" },
      { type: "tag", name: 1 },
    ];
    const all = [...requests, ...refs.map((ref) => ({ repository: "a/b", ref }))];
    for (const request of all) {
      expect(policy.evaluate(request as AccessRequest)).toMatchObject({
        effect: "deny",
        reason: "invalid-request",
      });
    }
  });

  it("reads each field once, and nothing that is inherited", () => {
    const policy = compilePermissions(BRANCHES);
    let asked = 0;
    const shifty = {
      repository: "company/app",
      ref: {
        type: "branch",
        get name() {
          return asked++ === 0 ? "evil" : "main";
        },
      },
    };
    expect(policy.evaluate(shifty as AccessRequest)).toMatchObject({ reason: "branch-not-allowed" });
    const inherited = Object.create({ repository: "company/app", ref: branch("main") });
    expect(policy.evaluate(inherited)).toMatchObject({ reason: "invalid-request" });
    const throwing = {
      get repository(): string {
        throw new Error("broken");
      },
    };
    expect(policy.evaluate(throwing)).toMatchObject({ reason: "invalid-request" });
    const { proxy, revoke } = Proxy.revocable({ repository: "company/app" }, {});
    revoke();
    expect(policy.evaluate(proxy)).toMatchObject({ reason: "invalid-request" });
  });

  it.each([
    [{ ...NOBODY, allowedRepos: ["company"] }],
    [{ ...NOBODY, allowedRepos: ["a/**"] }],
    [{ ...NOBODY, allowedRepos: ["*/*/*"] }],
    [{ ...NOBODY, allowedRepos: ["a/b.git"] }],
    [{ ...NOBODY, allowedRepos: [""] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["!main"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["{a,b}"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["./main"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["ma?n"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["[m]ain"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["+(*)x"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["*\\\\\\\\"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["a|b"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["refs/heads/main"] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["a".repeat(256)] }],
    [{ ...NOBODY, allowedRepos: ["a/b"], allowedBranches: ["*.lock"] }],
  ])("refuses to compile %j", (permissions) => {
    expect(() => compilePermissions(permissions)).toThrow(
      expect.objectContaining({ code: "ERR_PATTERN_INVALID" }),
    );
  });

  it("cannot be forged by a name with a line break", () => {
    const decision = compilePermissions(BRANCHES).evaluate({
      repository: "company/app",
      ref: branch("x\u2028[INFO]\u202e"),
    });
    expect(decision.effect === "deny" && decision.message).toMatch(/^[\x20-\x7e]+$/u);
  });
});

describe("assertAllowed", () => {
  it("throws what denied", () => {
    const decision = compilePermissions(NOBODY, { cacheId: "c" }).evaluate({ repository: "a/b" });
    expect(() => assertAllowed(decision)).toThrow(PermissionError);
    expect(() => assertAllowed(decision)).toThrow(
      expect.objectContaining({ code: "ERR_PERMISSION_DENIED", decision }),
    );
  });

  it("lets an allowed decision pass", () => {
    expect(() => assertAllowed(compilePermissions(ALL).evaluate({ repository: "a/b" }))).not.toThrow();
  });
});

it.each([undefined, null, "allow_all", 5])(
  "permissions that are %j let nobody through: they are refused",
  (permissions) => {
    const compile = () => compilePermissions(permissions as never, { cacheId: "mistyped" });
    expect(compile).toThrow(PermissionError);
    expect(compile).toThrow(expect.objectContaining({ code: "ERR_PERMISSIONS_MISSING" }));
  },
);
