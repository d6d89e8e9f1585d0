import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { formatDiagnostic, loadServerConfig } from "../../index.ts";
import { type HookMigration, migrateHooks } from "../../migration/index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { formatDiff } from "../format-diff.ts";
import type { Output } from "../output.ts";
import { runCommand } from "../run-command.ts";

type MigrateFlags = CommonFlags & { readonly repo?: string | undefined; readonly write: boolean };

/** Turns `post_build_hooks` of a repository's file into names of caches. */
export async function migrate(
  this: CliContext,
  flags: MigrateFlags,
  file = ".eka-ci/config.json",
): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const before = await readFile(file).catch(() => {
      const message = "The file cannot be read; name the repository's configuration";
      throw new CliError("ERR_FILE_UNREADABLE", EXIT.files, message);
    });
    // Without the server's file, caches get names from the hooks.
    const serverConfig = flags.config === undefined ? undefined : await loadServerConfig(flags.config);
    const migration = migrateHooks(before, { repository: flags.repo, serverConfig, source: file });
    const hasErrors = migration.findings.some(({ severity }) => severity === "error");
    const text = before.toString("utf8");
    const isChanged = migration.repositoryJson !== text;
    if (flags.write && isChanged && !hasErrors) await replaceFile(file, migration.repositoryJson);
    print(output, { migration, file, text }, flags.json);
    return hasErrors ? EXIT.files : EXIT.ok;
  });
}

interface Shown {
  readonly migration: HookMigration;
  readonly file: string;
  readonly text: string;
}

function print(output: Output, { migration, file, text }: Shown, json: boolean): void {
  const { findings, repositoryJson, serverToml } = migration;
  // A diff, or the remaining file, would show what the finding hides.
  const hasSecret = findings.some(({ code }) => code === "hard-coded-credential");
  if (json) {
    output.json({ ...migration, repositoryJson: hasSecret ? null : repositoryJson });
    return;
  }
  for (const finding of findings) output.note(formatDiagnostic(finding, { style: "frame" }));
  if (hasSecret) output.note("The diff is left out, because the file holds a credential; remove that first");
  else for (const line of formatDiff(file, text, repositoryJson)) output.print(line);
  if (serverToml !== "") output.print(`\n# for the server's configuration\n${serverToml.trimEnd()}`);
}

/** Replaces the file in one step, so that nobody reads half of it. */
async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.${process.pid}.new`;
  try {
    const { mode } = await stat(file);
    await writeFile(next, text, { mode, flag: "wx" });
    await rename(next, file);
  } catch {
    await rm(next, { force: true });
    const message = "The file cannot be written and was not changed";
    throw new CliError("ERR_FILE_UNWRITABLE", EXIT.files, message);
  }
}
