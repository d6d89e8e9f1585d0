import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { expect } from "vitest";
import type { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { readDocument } from "../docs/snippets.ts";

/** Where the quick start is done. */
export interface QuickStartOptions {
  readonly store: PrivateNixStore;
  /** A folder that is not there yet. */
  readonly folder: string;
  readonly home: string;
  /**
   * What is installed in place of `@eka-ci/caches`; default that, from the registry that the folder's home
   * names.
   */
  readonly tarball?: string;
}

/** Does what the quick start of the README says, word by word, and compares what it prints. */
export async function runQuickStart({ store, folder, home, tarball }: QuickStartOptions): Promise<void> {
  const snippets = readDocument("README.md");
  const start = snippets.findIndex(({ code }) => code.startsWith("npm init"));
  const [setUp = "", program = "", command = "", printed] = snippets
    .slice(start, start + 4)
    .map(({ code }) => code);
  const shell = (script: string) =>
    new Promise<string>((resolve, reject) => {
      const env = { ...store.env, HOME: home };
      execFile("/bin/sh", ["-euc", script], { cwd: folder, env }, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`)),
      );
    });
  await mkdir(folder);
  const install = "npm install @eka-ci/caches";
  expect(setUp).toContain(install);
  await shell(tarball === undefined ? setUp : setUp.replace(install, `npm install ${tarball}`));
  await writeFile(`${folder}/first-push.mjs`, program);
  expect(await shell(command)).toBe(printed);
}
