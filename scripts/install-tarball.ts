// Packs the package as it would be published, and installs it into an empty project, as a user would.
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A project that has installed the tarball, and nothing else. */
export interface TarballProject {
  readonly directory: string;
  /** The packed tarball. */
  readonly tarball: string;
  /** Directory of the installed package. */
  readonly packageDirectory: string;
}

/**
 * Packs (which builds) and installs; the directory should be empty.
 *
 * @param directory - the project
 * @param beside - what the project installs besides, as `name@version`: the optional peers of the entries
 * that it uses
 */
export async function installTarball(
  directory: string,
  beside: readonly string[] = [],
): Promise<TarballProject> {
  await mkdir(directory, { recursive: true });
  await run("npm", ["pack", "--pack-destination", directory], { cwd: ROOT });
  const [name = ""] = (await readdir(directory)).filter((file) => file.endsWith(".tgz"));
  const tarball = join(directory, name);
  await writeFile(join(directory, "package.json"), '{ "name": "consumer", "private": true }\n');
  const quietly = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...quietly, tarball, ...beside], { cwd: directory });
  return { directory, tarball, packageDirectory: join(directory, "node_modules/@eka-ci/caches") };
}

/** The optional peers, in the versions that this checkout has installed. */
export async function findPeers(): Promise<readonly string[]> {
  const { peerDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  return Promise.all(
    Object.keys(peerDependencies).map(async (name) => {
      const manifest = await readFile(join(ROOT, "node_modules", name, "package.json"), "utf8");
      return `${name}@${JSON.parse(manifest).version}`;
    }),
  );
}
