import { type DenyReason, PermissionError, parseDenyReason } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

const REASONS: readonly DenyReason[] = [
  "unknown-cache",
  "repository-not-allowed",
  "branch-not-allowed",
  "branch-required",
  "not-a-branch",
  "fork-not-allowed",
  "no-repositories-allowed",
  "invalid-request",
];

describe("the reason of a denial", () => {
  it.each(REASONS)("%s is read", (reason) => {
    expect(parseDenyReason(reason)).toBe(reason);
  });

  it.each([
    ["branch-not-alowed", "Did you mean branch-not-allowed?"],
    ["forkNotAllowed", "Did you mean fork-not-allowed?"],
    ["unknown_cache", "Did you mean unknown-cache?"],
    ["toString", "Reasons are unknown-cache, "],
    ["", "Reasons are unknown-cache, "],
    ["x".repeat(100_000), "Reasons are unknown-cache, "],
  ])("%j is refused with a suggestion", (text, hint) => {
    const parse = () => parseDenyReason(text);
    expect(parse).toThrow(PermissionError);
    expect(parse).toThrow(hint);
    expect(parse).toThrow(expect.objectContaining({ code: "ERR_REASON_INVALID" }));
  });
});
