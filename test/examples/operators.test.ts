import { execFile, execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it, vi } from "vitest";
import { describeWith } from "../support/requirement.ts";

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "eka-ci-operators-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** A program that stands for the real one. */
function writeProgram(name: string, script: string): void {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Runs the hook as Nix does. */
function runHook(paths: string): Promise<{ readonly code: number; readonly output: string }> {
  const env = {
    PATH: `${directory}:/usr/bin:/bin:/usr/sbin:/sbin`,
    OUT_PATHS: paths,
    EKA_CACHES_USER: userInfo().username,
  };
  return new Promise((resolve) => {
    execFile(example("post-build-hook/hook.sh"), [], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

it("the hook after a build hands all paths over, does not wait, and never fails", async () => {
  const seen = join(directory, "seen");
  const release = join(directory, "release");
  writeProgram(
    "eka-caches",
    `while [ ! -e ${release} ]; do sleep 0.05; done; echo "$@" > ${seen}.part; cat >> ${seen}.part; mv ${seen}.part ${seen}; exit 4`,
  );
  const [one, other] = ["a", "b"].map((name) => `/nix/store/${"0".repeat(32)}-${name}`);
  // It ends though what it has started does not.
  expect(await runHook(`${one} ${other}`)).toEqual({ code: 0, output: "" });
  expect(existsSync(seen)).toBe(false);
  writeFileSync(release, "");
  await vi.waitFor(() => expect(existsSync(seen)).toBe(true), 10_000);
  const text = readFileSync(seen, "utf8");
  expect(text).toContain(
    "queue add --config /etc/eka-ci/ekaci.toml --journal /var/lib/eka-ci/pushes.sqlite --cache team",
  );
  expect(text.trim().split("\n").slice(1)).toEqual([one, other]);
  rmSync(join(directory, "eka-caches"));
  expect(await runHook(`${one}`)).toEqual({ code: 0, output: "" });
  expect(await runHook("")).toEqual({ code: 0, output: "" });
});

describeWith("systemd-analyze", "the unit of the worker", () => {
  it("is one that systemd takes", () => {
    const unit = join(directory, "eka-caches-worker.service");
    writeFileSync(unit, readFileSync(example("systemd/eka-caches-worker.service"), "utf8"));
    const output = execFileSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", unit], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output).toBe("");
  });
});

/** As much of nixpkgs as the module asks for. */
const NIXPKGS = `
  let
    lib = {
      mkEnableOption = _: { };
      mkOption = option: option;
      mkIf = isOn: value: if isOn then value else { };
      mapAttrsToList = f: set: map (name: f name (builtins.getAttr name set)) (builtins.attrNames set);
      makeBinPath = builtins.concatStringsSep ":";
      types = { package = 1; path = 1; str = 1; port = 1; attrsOf = _: 1; };
    };
    pkgs = {
      nix = "/nix-package"; cachix = "/cachix"; attic-client = "/attic"; systemd = "/systemd";
      coreutils = "/coreutils"; util-linux = "/util-linux";
      writeShellScript = name: text: text;
    };
    config.services.eka-caches = {
      enable = true; package = "/package"; configFile = "/etc/eka-ci/ekaci.toml"; metricsPort = 9464;
      credentials.token = "/secrets/token";
      postBuildHook = { enable = true; cache = "team"; repository = "o/r"; };
    };
    module = import MODULE { inherit config lib pkgs; };
  in { inherit (module.config.nix) settings; service = module.config.systemd.services.eka-caches-worker.serviceConfig; }
`;

describeWith("nix", "the module for NixOS", () => {
  it("has a worker, and a hook that hands over to the worker's journal", () => {
    const expression = NIXPKGS.replace("MODULE", example("nixos-module.nix"));
    const text = execFileSync(
      "nix-instantiate",
      ["--eval", "--strict", "--json", "--read-write-mode", "--expr", expression],
      { encoding: "utf8", env: { ...process.env, NIX_REMOTE: `local?root=${directory}` } },
    );
    const { settings, service } = JSON.parse(text);
    const journal = "/var/lib/eka-ci/pushes.sqlite";
    expect(service.ExecStart).toBe(
      `/package/bin/eka-caches worker --config /etc/eka-ci/ekaci.toml --journal ${journal} --metrics 9464`,
    );
    expect(service.LoadCredentialEncrypted).toEqual(["token:/secrets/token"]);
    const hook: string = settings["post-build-hook"];
    expect(hook).toContain(`EKA_CACHES_JOURNAL=${journal} EKA_CACHES_CONFIG=/etc/eka-ci/ekaci.toml`);
    expect(hook).toContain("EKA_CACHES_CACHE=team EKA_CACHES_REPO=o/r");
    expect(hook).toMatch(/exec \/nix\/store\/[a-z0-9]{32}-hook\.sh/u);
  });
});
