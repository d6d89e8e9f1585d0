import { createTestRuntime } from "@eka-ci/caches/testing";
import { describe, expect, it } from "vitest";
import { findExecutable, toSafePath } from "../../src/execution/executable.ts";

const runtime = createTestRuntime({
  workingDirectory: () => "/work/checkout",
  files: {
    "/bin/sh": { mode: 0o755 },
    "/usr/local/bin/x": { mode: 0o755 },
    "/usr/lib/node_modules/npm/bin/x": { mode: 0o755 },
    "/anywhere/node_modules/.bin/x": { mode: 0o755 },
    "/opt/linked-checkout": { linkTo: "/work/checkout" },
    "/opt/linked-bin": { linkTo: "/work/checkout/node_modules/.bin" },
    "/usr/bin/nix": { mode: 0o755 },
    "/opt/bin/nix": { mode: 0o644 },
    "/work/checkout/nix": { mode: 0o755 },
    "/work/checkout/node_modules/.bin/nix": { mode: 0o755 },
  },
});

describe("the PATH of executables", () => {
  it.each([
    ["/usr/bin:/bin", "/usr/bin:/bin"],
    [".:/usr/bin", "/usr/bin"],
    ["bin:/usr/bin::", "/usr/bin"],
    ["/work/checkout:/usr/bin", "/usr/bin"],
    ["/work/checkout/:/usr/bin", "/usr/bin"],
    ["/work/checkout/node_modules/.bin:/usr/bin", "/usr/bin"],
    ["/anywhere/node_modules/.bin/:/usr/bin", "/usr/bin"],
    ["/usr/../work/checkout:/usr/bin", "/usr/bin"],
    ["/usr/./local//bin/:/usr/bin", "/usr/local/bin:/usr/bin"],
    ["/work//./checkout:/usr/bin", "/usr/bin"],
    ["/usr/lib/node_modules/npm/bin:/usr/bin", "/usr/bin"],
    ["/", "/"],
    ["", ""],
    ["/opt/linked-checkout:/usr/bin", "/usr/bin"],
    ["/opt/linked-bin:/usr/bin", "/usr/bin"],
    ["/not/there:/usr/bin", "/usr/bin"],
  ])("of %j is %j", async (path, expected) => {
    expect(await toSafePath(path, runtime)).toBe(expected);
  });
});

describe("findExecutable", () => {
  it("takes the first directory that has an executable of the name", async () => {
    expect(await findExecutable("nix", "/opt/bin:/usr/bin", runtime)).toBe("/usr/bin/nix");
    expect(await findExecutable("/usr/bin/nix", "", runtime)).toBe("/usr/bin/nix");
  });

  it.each([
    ["nix", "", "ERR_COMMAND_NOT_FOUND"],
    ["nix", "/opt/bin", "ERR_COMMAND_NOT_FOUND"],
    ["/opt/bin/nix", "/usr/bin", "ERR_COMMAND_NOT_FOUND"],
    ["./nix", "/usr/bin", "ERR_COMMAND_INVALID"],
    ["bin/nix", "/usr/bin", "ERR_COMMAND_INVALID"],
  ])("refuses %s on %j with %s", async (file, path, code) => {
    await expect(findExecutable(file, path, runtime)).rejects.toMatchObject({ name: "CommandError", code });
  });
});
