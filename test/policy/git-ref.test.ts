import { compilePermissions, parseGitRef } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

describe("parseGitRef", () => {
  it.each([
    ["refs/heads/main", { type: "branch", name: "main" }],
    ["refs/heads/release/v1", { type: "branch", name: "release/v1" }],
    ["refs/tags/v1.0", { type: "tag", name: "v1.0" }],
    ["refs/tags/refs/heads/main", { type: "tag", name: "refs/heads/main" }],
    ["refs/heads/refs/heads/main", { type: "branch", name: "refs/heads/main" }],
  ])("reads %s", (ref, expected) => {
    expect(parseGitRef(ref)).toEqual(expected);
  });

  it("strips the prefix exactly once, so that such a branch is never let through", () => {
    const policy = compilePermissions({ allowAll: true });
    const ref = parseGitRef("refs/heads/refs/heads/main");
    expect(policy.evaluate({ repository: "a/b", ref })).toMatchObject({
      effect: "deny",
      reason: "invalid-request",
    });
  });

  it.each([
    "main",
    "heads/main",
    "refs/pull/7/head",
    "refs/heads",
    "",
    " refs/heads/main",
    "REFS/HEADS/main",
  ])("refuses %j", (ref) => {
    expect(() => parseGitRef(ref)).toThrow(expect.objectContaining({ code: "ERR_REF_INVALID" }));
  });
});
