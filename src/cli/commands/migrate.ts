import { readFile, writeFile } from "node:fs/promises";
import { formatDiagnostic, loadServerConfig } from "../../index.ts";
import { migrateHooks } from "../../migration/index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { formatDiff } from "../format-diff.ts";
import { runCommand } from "../run-command.ts";

type MigrateFlags = CommonFlags & { readonly repo?: string | undefined; readonly write: boolean };

/** Turns `post_build_hooks` of a repository's file into names of caches. */
export async function migrate(
  this: CliContext,
  flags: MigrateFlags,
  file = ".eka-ci/config.json",
): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const before = await readFile(file, "utf8").catch(() => {
      throw new CliError(
        "ERR_FILE_UNREADABLE",
        EXIT.files,
        "The file cannot be read; name the repository's configuration",
      );
    });
    // Without the server's file, caches are named as the hooks name them.
    const serverConfig = flags.config === undefined ? undefined : await loadServerConfig(flags.config);
    const migration = migrateHooks(before, { repository: flags.repo, serverConfig, source: file });
    const hasErrors = migration.findings.some(({ severity }) => severity === "error");
    if (flags.json) output.json(migration);
    else {
      for (const finding of migration.findings) output.note(formatDiagnostic(finding, { style: "frame" }));
      for (const line of formatDiff(file, before, migration.repositoryJson)) output.print(line);
      if (migration.serverToml !== "")
        output.print(`\n# for the server's configuration\n${migration.serverToml.trimEnd()}`);
    }
    if (flags.write && !hasErrors) await writeFile(file, migration.repositoryJson);
    return hasErrors ? EXIT.files : EXIT.ok;
  });
}
