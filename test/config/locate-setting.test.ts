import { locateSetting, parseServerConfig, type ServerConfig } from "@eka-ci/caches";
import { expect, it } from "vitest";

const TOML = `# a comment
[[caches]]
id = "team"
cache_type = "cachix"
destination = "team"
credentials = { cachix-token = { env_var = "TOKEN" } }
permissions = { allow_all = false, allowed_repos = [
  "o/*",
  "p/*",
] }
`;

const lineOf = (config: ServerConfig, ...path: readonly (string | number)[]): number | undefined =>
  locateSetting(config, path)?.range.start.line;

it("finds where a setting stands, and the nearest place of one that is not there", () => {
  const config = parseServerConfig(TOML, { source: "/etc/x.toml" });
  expect(locateSetting(config, ["caches", 0, "permissions", "allowed_repos", 1])).toEqual({
    source: "/etc/x.toml",
    range: {
      start: expect.objectContaining({ line: 9, column: 3 }),
      end: expect.objectContaining({ line: 9 }),
    },
  });
  expect(lineOf(config, "caches", 0, "permissions", "allow_all")).toBe(7);
  expect(lineOf(config, "caches", 0, "permissions", "allow_forks")).toBe(7);
  expect(lineOf(config, "caches", 7)).toBeGreaterThanOrEqual(1);
});

it("finds nothing of a configuration that was written by hand or copied", () => {
  const config = parseServerConfig(TOML);
  expect(locateSetting({ ...config }, ["caches", 0])).toBeUndefined();
});
