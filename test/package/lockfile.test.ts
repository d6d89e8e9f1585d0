import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { BUNDLED } from "../../scripts/bundled-packages.ts";
import { composeNotices } from "../../scripts/notices.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface LockedPackage {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  /** For development, or for a package that works without it: users get it in neither case. */
  readonly devOptional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lockfile: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"),
);
const packages = Object.entries(lockfile.packages).filter(([path]) => path !== "");

describe("the lockfile", () => {
  it("has an integrity hash for every package, and the address of no registry", () => {
    expect(packages.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  it("knows the packages of every platform, so that npm ci works on all of them", () => {
    const missing = packages.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`node_modules/${name}` in lockfile.packages) &&
          !(`${path}/node_modules/${name}` in lockfile.packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it("brings users no package that runs a script when it is installed", () => {
    const scripted = packages.filter(
      ([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true,
    );
    expect(scripted).toEqual([]);
  });

  it("brings users the packages that are written down, so that a new one is looked at", async () => {
    const production = packages
      .filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true)
      .map(([path]) => path.split("node_modules/").at(-1));
    const names = [...new Set([...production, ...BUNDLED])].sort();
    await expect(`${names.join("\n")}\n`).toMatchFileSnapshot("../../etc/production-packages.txt");
  });

  it("brings the notices of the packages that are put into the build", () => {
    const written = readFileSync(new URL("../../THIRD-PARTY-NOTICES.md", import.meta.url), "utf8");
    expect(written).toBe(composeNotices());
  });

  it("is what the bill of materials lists", async () => {
    const { stdout } = await run("npm", ["run", "--silent", "sbom"], { cwd: ROOT, maxBuffer: 2 ** 24 });
    const { bomFormat, metadata, components } = JSON.parse(stdout);
    expect({ bomFormat, purl: metadata.component.purl }).toMatchObject({
      bomFormat: "CycloneDX",
      purl: expect.stringContaining("pkg:npm/%40eka-ci/caches@"),
    });
    const listed = components.map(({ group, name }: { group?: string; name: string }) =>
      group === undefined ? name : `${group}/${name}`,
    );
    const written = readFileSync(new URL("../../etc/production-packages.txt", import.meta.url), "utf8");
    expect([...new Set<string>(listed)].sort()).toEqual(written.trim().split("\n"));
    for (const { hashes, name } of components) expect(hashes?.length, name).toBeGreaterThan(0);
    expect(stdout).not.toMatch(/https?:[^"]*\.tgz/u);
  });
});
