import { describe, expect, it } from "vitest";
import { PATH, REQUEST, setUp } from "../support/set-up-registry.ts";

describe("authorize and plan", () => {
  it("decide without touching anything", () => {
    const { registry, executor, events } = setUp({ env: {} });
    expect(registry.authorize("prod-cache", REQUEST)).toMatchObject({ effect: "allow" });
    expect(registry.authorize("nope", REQUEST)).toMatchObject({ effect: "deny", reason: "unknown-cache" });
    expect(registry.authorize("__proto__", REQUEST)).toMatchObject({
      effect: "deny",
      reason: "unknown-cache",
    });
    expect(executor.commands).toEqual([]);
    expect(events).toEqual([]);
  });

  it("preview the commands, with secrets redacted", () => {
    const { registry } = setUp();
    const { entries } = registry.plan({ ...REQUEST, caches: ["dev", "prod-cache", "nope", "dev"] });
    expect(entries.map(({ cacheId, decision }) => [cacheId, decision.effect])).toEqual([
      ["dev", "allow"],
      ["prod-cache", "allow"],
      ["nope", "deny"],
    ]);
    expect(entries[0]?.commands).toEqual([expect.stringContaining(`cachix push -- dev-cache ${PATH}`)]);
    expect(entries[1]?.commands).toEqual([expect.stringContaining("AWS_SECRET_ACCESS_KEY=[redacted]")]);
    expect(entries[2]?.commands).toEqual([]);
    expect(JSON.stringify(entries)).not.toContain("canary");
  });

  it("say why no command can be built", () => {
    const { registry } = setUp();
    const [entry] = registry.plan({ ...REQUEST, caches: ["dev"], storePaths: ["nope"] }).entries;
    expect(entry).toMatchObject({
      decision: { effect: "allow" },
      commands: [],
      error: { code: "ERR_STORE_PATH_INVALID" },
    });
  });
});
