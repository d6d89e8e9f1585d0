import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { describeWith } from "./support/requirement.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

async function runExample(name: string, path: string): Promise<string> {
  const args = ["--import", "tsx", `examples/${name}.ts`];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: path, HOME: "/nonexistent" },
  });
  return stdout;
}

function expectStory(output: string): void {
  expect(output).toContain("[INFO] Permission granted for cache 'team-cache' in company/backend");
  expect(output).toContain("[WARN] Cache ID 'no-such-cache' not found in server registry, skipping");
  expect(output).toContain("Branch feature/login is not allowed");
  expect(output).toContain("Repository stranger/backend is not allowed");
  expect(output).toContain("comes from stranger/backend, and forks are not allowed");
  expect(output.match(/=> team-cache: denied/gu)).toHaveLength(3);
  expect(output.match(/=> team-cache: pushed/gu)).toHaveLength(1);
  expect(output).not.toContain("only-for-this-demo");
}

describe("the demo, where there is no nix", () => {
  it("says so, and tells its story with the recording executor", async () => {
    const output = await runExample("push-to-local-cache", "/nonexistent");
    expect(output).toContain("No nix is installed here");
    expect(output).toContain("was asked to run: nix-store, nix");
    expectStory(output);
  });
});

describeWith("nix", "the demo", () => {
  it("uploads a path and reads its narinfo back", async () => {
    const output = await runExample("push-to-local-cache", process.env["PATH"] ?? "");
    expect(output).toMatch(/StorePath: \S+-greeting/u);
    expectStory(output);
  });
});

describe("the progress bar, where there is no nix", () => {
  it("fills with the recording executor", async () => {
    const output = await runExample("progress-bar", "/nonexistent");
    expect(output).toContain("No nix is installed here");
    expect(output).toContain("120 of 120 deliveries are proven to be there");
  });
});

describeWith("nix", "the progress bar", () => {
  it("fills for two caches, of which one fails every seventh upload", async () => {
    const output = await runExample("progress-bar", process.env["PATH"] ?? "");
    expect(output).toMatch(/steady \[#{30}\] 60\/60 {2}moody \[#{30}\] 60\/60/u);
    expect(output).toContain("120 of 120 deliveries are proven to be there");
  });
});
