import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkRelease } from "../../scripts/check-release.ts";
import { describeWith } from "../support/requirement.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("a release", () => {
  const release = {
    tag: "v1.2.0",
    repository: "owner/name",
    manifest: '{ "version": "1.2.0", "repository": { "url": "git+https://github.com/owner/name.git" } }',
    changelog:
      "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2027-01-01\n\n### Added\n\n- This.\n\n## 1.1.0 - 2026-12-01\n\n- That.\n",
  };

  it("that fits has the notes of its version", () => {
    expect(checkRelease(release)).toEqual({ problems: [], notes: "### Added\n\n- This." });
  });

  it.each<[what: string, change: Partial<typeof release>]>([
    ["tag", { tag: "v1.2.1" }],
    ["repository", { repository: "stranger/name" }],
    ["manifest", { manifest: '{ "version": "1.2.0" }' }],
    ["section", { changelog: "# Changelog\n\n## Unreleased\n\n- This.\n" }],
  ])("with another %s is refused", (_what, change) => {
    expect(checkRelease({ ...release, ...change }).problems).toHaveLength(1);
  });
});

describeWith("actionlint", "the workflows", () => {
  it("have nothing that actionlint finds fault with", () => {
    const files = readdirSync(`${root}/.github/workflows`).map((name) => `.github/workflows/${name}`);
    expect(files.length).toBeGreaterThan(1);
    files.push("examples/github-actions/push.yml");
    expect(execFileSync("actionlint", files, { cwd: root, encoding: "utf8" })).toBe("");
  });
});
