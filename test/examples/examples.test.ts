import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { describeWith } from "../support/requirement.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Everywhere, and where the machine's tools are. */
const NOWHERE = "/nonexistent";
const HERE = process.env["PATH"] ?? "";

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
    const output = await runExample("push-to-local-cache", NOWHERE);
    expect(output).toContain("No nix is installed here");
    expect(output).toContain("was asked to run: nix-store, nix");
    expectStory(output);
  });
});

describeWith("nix", "the demo", () => {
  it("uploads a path and reads its narinfo back", async () => {
    const output = await runExample("push-to-local-cache", HERE);
    expect(output).toMatch(/StorePath: \S+-greeting/u);
    expectStory(output);
  });
});

describe("the progress bar, where there is no nix", () => {
  it("fills with the recording executor", async () => {
    const output = await runExample("progress-bar", NOWHERE);
    expect(output).toContain("No nix is installed here");
    expect(output).toContain("120 of 120 deliveries are proven to be there");
  });
});

describeWith("nix", "the progress bar", () => {
  it("fills for two caches, of which one fails every seventh upload", async () => {
    const output = await runExample("progress-bar", HERE);
    expect(output).toMatch(/steady \[#{30}\] 60\/60 {2}moody \[#{30}\] 60\/60/u);
    expect(output).toContain("120 of 120 deliveries are proven to be there");
  });
});

/** Programs that say the same with and without a nix, and what they must say. */
const PROGRAMS: readonly (readonly [name: string, said: readonly RegExp[], never: RegExp])[] = [
  [
    "http-server",
    [/team: pushed\nteam: denied\nThe server has stopped/u, /Branch wip is not allowed/u],
    /failed|waiting/u,
  ],
  [
    "custom-credential-source",
    [/with-team-cache: pushed\nwith-missing: ERR_CREDENTIAL_NOT_FOUND/u, /resolved from custom:keyring/u],
    /only-for-this-demo/u,
  ],
  ["ssh-executor", [/team: pushed/u], /only-for-this-demo/u],
  [
    "dry-run",
    [
      /config\.json:4:53: warning\[unknown-cache\].*Did you mean production\?/u,
      /backend: Allowed for cache 'production'[^\n]*\n[^\n]*cachix push -- company-production/u,
      /pull request 7 of a fork\n {2}backend: Denied for cache 'dev' \(fork-not-allowed\)/u,
    ],
    /ERR_/u,
  ],
  [
    "guide/1-public-open-source",
    [/anybody\/else:[\s\S]*=> public-cachix: pushed/u, /cachix push -- my-oss-project/u],
    /only-for-this-example/u,
  ],
  [
    "guide/2-private-company",
    [
      /branch main:[\s\S]*=> dev-cache: pushed\n {2}=> prod-cache: pushed/u,
      /branch develop:[\s\S]*=> dev-cache: pushed\n {2}=> prod-cache: denied/u,
      /stranger[\s\S]*=> dev-cache: denied\n {2}=> prod-cache: denied/u,
    ],
    /only-for-this-example/u,
  ],
  [
    "guide/3-vault",
    [
      /release\/v1:[\s\S]*=> staging-s3: denied\n {2}=> prod-s3: pushed/u,
      /feature\/login:[\s\S]*=> staging-s3: pushed\n {2}=> prod-s3: denied/u,
      /resolved from vault/u,
    ],
    /secret-of|only-for-this-example/u,
  ],
  [
    "guide/4-two-caches",
    [/=> internal-s3: pushed\n {2}=> public-fallback: pushed/u, /endpoint=https:\/\/minio\.internal/u],
    /only-for-this-example/u,
  ],
  [
    "guide/5-cloud-vm",
    [
      /=> s3-cache: pushed/u,
      /resolved from instance-metadata, valid until/u,
      /AWS_SESSION_TOKEN=\[redacted\]/u,
    ],
    /only-for-this-example/u,
  ],
];

const tellsItsStory =
  (path: string) =>
  async (name: string, said: readonly RegExp[], never: RegExp): Promise<void> => {
    const output = await runExample(name, path);
    for (const words of said) expect(output).toMatch(words);
    expect(output).not.toMatch(never);
  };

describe("examples, where there is no nix", () => {
  it.each(PROGRAMS)("%s", tellsItsStory(NOWHERE));
});

describeWith("nix", "examples", () => {
  it.each(PROGRAMS)("%s", tellsItsStory(HERE));
});

it("every example is run by a test", () => {
  const run = new Set([...PROGRAMS.map(([name]) => name), "push-to-local-cache", "progress-bar"]);
  // These are no programs: test/integration/cache-types.test.ts pushes with them.
  for (const name of ["directory-store", "niks3", "ssh-store"]) run.add(`cache-types/${name}`);
  const programs = readdirSync(join(ROOT, "examples"), { encoding: "utf8", recursive: true })
    .filter((path) => path.endsWith(".ts") && !path.startsWith("support/") && !path.endsWith(".test.ts"))
    .map((path) => path.replace(".ts", ""));
  expect(programs.sort()).toEqual([...run].sort());
});
