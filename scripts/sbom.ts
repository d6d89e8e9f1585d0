// Prints the bill of materials of what users install, as CycloneDX. `npm sbom --omit dev` leaves out packages
// that users get, where a package for development asks for them too; so it is asked of the same lockfile
// without those.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BUNDLED } from "./bundled-packages.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));

const parent = await mkdtemp(join(tmpdir(), "eka-ci-sbom-"));
try {
  // npm calls the root by the name of its directory.
  const { devDependencies, ...manifest } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  // What the build puts into `dist` is a part of what users get.
  for (const name of BUNDLED) manifest.dependencies[name] = devDependencies[name];
  const cwd = join(parent, manifest.name);
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, "package.json"), JSON.stringify(manifest));
  await cp(join(ROOT, "package-lock.json"), join(cwd, "package-lock.json"));
  await run("npm", ["install", "--package-lock-only", "--prefer-offline", "--no-audit", "--no-fund"], {
    cwd,
  });
  const args = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "library"];
  const { stdout } = await run("npm", args, { cwd, maxBuffer: 2 ** 24 });
  process.stdout.write(stdout);
} finally {
  await rm(parent, { recursive: true });
}
