import { PushQueue, type PushRequest, safeParseServerConfig } from "@eka-ci/caches";

import { describe, expect, it } from "vitest";
import { runUntil } from "../support/fake-cache.ts";
import { codeOf, OTHER, PATH, REQUEST, setUp } from "../support/set-up-registry.ts";

const PIN = "pin = '{repository}:{ref}:{job}:{name}'";
const toToml = (lines: string): string => `[[caches]]
id = "dev"
cache_type = "cachix"
destination = "dev-cache"
credentials = { cachix-token = { env_var = "DEV_TOKEN" } }
permissions = { allow_all = true }
${lines}`;
const request = (changes: Partial<PushRequest> = {}): PushRequest => ({
  ...REQUEST,
  caches: ["dev"],
  ...changes,
});
const isPin = ({ args }: { readonly args: readonly unknown[] }): boolean => args[0] === "pin";

describe("a cache with after_push", () => {
  it("pins each path of a branch once it is confirmed, with the credentials of the push", async () => {
    const { registry, executor } = setUp({ toml: toToml(`after_push = { ${PIN}, keep_revisions = 10 }`) });
    const { ok } = await registry.push(request({ storePaths: [PATH, OTHER] }));
    expect(ok).toBe(true);
    const commands = executor.commands.filter(({ file }) => file === "cachix");
    const name = "myorg/myrepo:main:my-package";
    expect(commands.map(({ args }) => args)).toEqual([
      ["push", "--", "dev-cache", PATH, OTHER],
      ["pin", "--keep-revisions", "10", "--", "dev-cache", `${name}:hello-2.12`, PATH],
      ["pin", "--keep-revisions", "10", "--", "dev-cache", `${name}:other`, OTHER],
    ]);
    expect(commands[1]?.env.get("CACHIX_AUTH_TOKEN")).toBe(commands[0]?.env.get("CACHIX_AUTH_TOKEN"));
  });

  it("pins a tag as a tag, and nothing of a pull request or of a build without a ref", async () => {
    const { registry, executor } = setUp({
      toml: toToml("after_push = { pin = '{ref}:{name}', keep_days = 3 }"),
    });
    await registry.push(request({ ref: { type: "tag", name: "main" } }));
    expect(executor.commands.filter(isPin).map(({ args }) => args)).toEqual([
      ["pin", "--keep-days", "3", "--", "dev-cache", "tag=main:hello-2.12", PATH],
    ]);
    const head = { repository: REQUEST.repository, branch: "main" };
    for (const ref of [undefined, { type: "pull-request", number: 1, head } as const]) {
      const { ok } = await registry.push(request({ ref }));
      expect(ok).toBe(true);
    }
    expect(executor.commands.filter(isPin)).toHaveLength(1);
  });

  it("fails where a path could not be pinned, and says that it is there", async () => {
    const { registry, executor } = setUp({
      toml: toToml(`after_push = { ${PIN} }`),
      respond: (command) => (isPin(command) ? { exitCode: 1, stderr: "cachix: status 503" } : undefined),
    });
    const { results } = await registry.push(request({ storePaths: [PATH, OTHER] }));
    expect(results[0]).toMatchObject({ status: "failed", storePaths: [PATH, OTHER], confirmedPaths: [] });
    expect(codeOf(results[0])).toBe("ERR_PUSH_FAILED");
    expect(executor.commands.filter(isPin)).toHaveLength(1);
  });

  it("fails where two paths of a request would take the pin of each other", async () => {
    const twin = PATH.replace("3n58", "4n58");
    const { registry, executor } = setUp({ toml: toToml(`after_push = { ${PIN} }`) });
    const { results } = await registry.push(request({ storePaths: [PATH, twin] }));
    expect(codeOf(results[0])).toBe("ERR_COMMAND_INVALID");
    expect(executor.commands.filter(isPin)).toHaveLength(0);
  });

  it("pins nothing of a request with a path that is none, and reports it", async () => {
    const { registry, executor } = setUp({ toml: toToml(`after_push = { ${PIN} }`) });
    const { results } = await registry.push(request({ storePaths: [PATH, "/etc/passwd"] }));
    expect(codeOf(results[0])).toBe("ERR_STORE_PATH_INVALID");
    expect(executor.commands.filter(isPin)).toHaveLength(0);
  });

  it("tells the run that made the push fail as the last, and nobody else's pins", async () => {
    const { registry } = setUp({
      toml: toToml(`after_push = { ${PIN} }`),
      respond: (command) => (isPin(command) && command.args.includes(OTHER) ? { exitCode: 7 } : undefined),
    });
    const one = request({ storePaths: [PATH] });
    const [first, second] = await registry.pushTogether("dev", [one, request({ storePaths: [OTHER] })]);
    expect(first).toMatchObject({ status: "pushed", executions: [{ exitCode: 0 }, { exitCode: 0 }] });
    expect(second).toMatchObject({ status: "failed", executions: [{ exitCode: 0 }, { exitCode: 7 }] });
  });

  it("is pinned by the queue's next attempt", async () => {
    let pins = 0;
    const { registry, executor, clock } = setUp({
      toml: toToml(`after_push = { ${PIN} }`),
      respond: (command) => {
        if (!isPin(command)) return undefined;
        pins++;
        return pins === 1 ? { exitCode: 1, stderr: "cachix: status 503" } : undefined;
      },
    });
    await using queue = new PushQueue(registry, {
      runtime: { clock, random: { fraction: () => 0.5, uuid: () => "id" } },
    });
    const { done } = await queue.enqueue(request());
    await runUntil(clock, done);
    expect(await done).toMatchObject({ ok: true, results: [{ status: "pushed", confirmedPaths: [PATH] }] });
    expect(executor.commands.filter(isPin)).toHaveLength(2);
  });

  it.each([
    ["keep_revisions = 0", "invalid-value"],
    ["keep_revisions = 1, keep_days = 1", "invalid-value"],
    ["command = 'rm'", "unknown-key"],
  ])("is refused with %s", (more, code) => {
    const result = safeParseServerConfig(toToml(`after_push = { ${PIN}, ${more} }`));
    expect(result.success ? [] : result.diagnostics.map((found) => found.code)).toEqual([code]);
  });

  it.each([
    ["a pin without a name of the path", toToml("after_push = { pin = '{job}' }"), "invalid-value"],
    ["no pin", toToml("after_push = { keep_days = 1 }"), "missing-key"],
    [
      "a type without pins",
      toToml(`after_push = { ${PIN} }`)
        .replace('"cachix"', '"attic"')
        .replace("dev-cache", "https://attic.example.org/c"),
      "invalid-value",
    ],
  ])("is refused with %s", (_what, toml, code) => {
    const result = safeParseServerConfig(toml);
    expect(result.success ? [] : result.diagnostics.map((found) => found.code)).toEqual([code]);
  });
});

it("needs the token that pins, which check tells", async () => {
  const toml = toToml(`after_push = { ${PIN} }`).replace(
    '{ cachix-token = { env_var = "DEV_TOKEN" } }',
    '{ env = { vars = ["CACHIX_SIGNING_KEY"] } }',
  );
  const { registry } = setUp({ toml, env: { CACHIX_SIGNING_KEY: "canary" } });
  const { caches } = await registry.check();
  expect(caches[0]).toMatchObject({ ok: false, error: { code: "ERR_COMMAND_CREDENTIALS" } });
});
