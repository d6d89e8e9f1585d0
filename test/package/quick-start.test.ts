import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { installTarball } from "../../scripts/install-tarball.ts";
import { readDocument } from "../docs/snippets.ts";
import { describeWith } from "../support/requirement.ts";

describeWith("nix", "the quick start of the README", () => {
  it("does what it says, word by word, in an empty folder", async () => {
    await using store = await PrivateNixStore.create();
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-quick-start-"));
    try {
      const packed = await installTarball(join(directory, "packed"));
      const snippets = readDocument("README.md");
      const start = snippets.findIndex(({ code }) => code.startsWith("npm init"));
      const [setUp, program, command, printed] = snippets.slice(start, start + 4).map(({ code }) => code);
      const folder = join(directory, "empty");
      const shell = (script: string) =>
        new Promise<string>((resolve, reject) => {
          const env = { ...store.env, HOME: directory };
          execFile("/bin/sh", ["-euc", script], { cwd: folder, env }, (error, stdout, stderr) =>
            error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`)),
          );
        });
      await mkdir(folder);
      // The packed package in place of the published one.
      await shell(String(setUp).replace("npm install @eka-ci/caches", `npm install ${packed.tarball}`));
      await writeFile(join(folder, "first-push.mjs"), String(program));
      expect(await shell(String(command))).toBe(printed);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 180_000);
});
