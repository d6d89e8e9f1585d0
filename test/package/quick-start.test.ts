import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { installTarball } from "../../scripts/install-tarball.ts";
import { describeWith } from "../support/requirement.ts";
import { runQuickStart } from "../support/run-quick-start.ts";

describeWith("nix", "the quick start of the README", () => {
  it("does what it says, word by word, in an empty folder", async () => {
    await using store = await PrivateNixStore.create();
    const directory = await mkdtemp(join(tmpdir(), "eka-ci-quick-start-"));
    try {
      // The packed package in place of the published one.
      const { tarball } = await installTarball(join(directory, "packed"));
      await runQuickStart({ store, folder: join(directory, "empty"), home: directory, tarball });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 180_000);
});
