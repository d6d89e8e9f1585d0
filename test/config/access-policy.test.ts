import * as main from "@eka-ci/caches";
import {
  CacheRegistry,
  type ConfigError,
  createAccessPolicy,
  type PermissionError,
  parseServerConfig,
  type ServerConfig,
} from "@eka-ci/caches";
import * as decisions from "@eka-ci/caches/decisions";
import { describe, expect, it } from "vitest";

const config = parseServerConfig(`
  [[caches]]
  id = "team"
  cache_type = "cachix"
  destination = "team"
  credentials = { none = {} }
  permissions = { allow_all = false, allowed_repos = ["o/*"], allowed_branches = ["main"] }

  [[caches]]
  id = "hosts-own"
  cache_type = "custom:store"
  destination = "store"
  options = {}
  credentials = { "custom:vault" = { path = "secret" } }
  permissions = { allow_all = true }
`);

const fromMain = { repository: "o/r", ref: { type: "branch", name: "main" } } as const;

/** A cache as a configuration made by hand has it. */
function handMade(cache: object): ServerConfig {
  const [first] = config.caches;
  if (first === undefined) throw new Error("The configuration has a cache");
  return { ...config, caches: [first, { ...first, ...cache }] };
}

describe("createAccessPolicy", () => {
  const policy = createAccessPolicy(config);

  it("decides as the registry does, whatever is asked", () => {
    const [team] = config.caches;
    if (team === undefined) throw new Error("The configuration has a cache");
    const registry = new CacheRegistry({ ...config, caches: [team] });
    const requests = [
      fromMain,
      { repository: "o/r", ref: { type: "tag", name: "v1" } },
      { repository: "x/r" },
      JSON.parse('{ "repository": 7 }'),
      JSON.parse("null"),
    ];
    for (const request of requests)
      for (const id of ["team", "nobody", "", "__proto__", JSON.parse("null")])
        expect(policy.authorize(id, request)).toEqual(registry.authorize(id, request));
    expect(policy.authorize("team", fromMain).effect).toBe("allow");
    expect(policy.authorize("nobody", fromMain)).toMatchObject({ effect: "deny", reason: "unknown-cache" });
  });

  it("needs none of the host's own sources and types", () => {
    expect(policy.authorize("hosts-own", fromMain).effect).toBe("allow");
    expect(() => new CacheRegistry(config)).toThrow();
  });

  it("refuses an id that two caches have, and a pattern outside the grammar", () => {
    expect(() => createAccessPolicy(handMade({}))).toThrow(
      expect.objectContaining({
        name: "ConfigError",
        code: "ERR_CONFIG_INVALID",
      } satisfies Partial<ConfigError>),
    );
    const permissions = { allowAll: false, allowedRepos: ["**"] };
    expect(() => createAccessPolicy(handMade({ id: "b", permissions }))).toThrow(
      expect.objectContaining({
        name: "PermissionError",
        code: "ERR_PATTERN_INVALID",
      } satisfies Partial<PermissionError>),
    );
  });
});

describe("the entry for decisions", () => {
  it("exports what the main entry exports, too", () => {
    const exported = Object.entries(decisions);
    expect(exported.length).toBeGreaterThan(15);
    for (const [name, value] of exported) expect(Reflect.get(main, name), name).toBe(value);
  });
});
