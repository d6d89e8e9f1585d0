import {
  ConfigError,
  type Diagnostic,
  formatDiagnostic,
  type LintOptions,
  lintRepositoryConfig,
  loadRepositoryConfig,
  loadServerConfig,
  type ServerConfig,
} from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT, usage } from "../exit-codes.ts";
import { type RequestFlags, toAccessRequest } from "../request-flags.ts";
import { runCommand } from "../run-command.ts";

type LintFlags = CommonFlags & Partial<RequestFlags> & { readonly format: "text" | "github" };

export async function lint(this: CliContext, flags: LintFlags, ...files: readonly string[]): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const { repo } = flags;
    if (repo === undefined && [flags.branch, flags.tag, flags.pr].some((value) => value !== undefined))
      throw usage("--branch, --tag and --pr need --repo");
    const config = await loadServerConfig(flags.config);
    const request = repo === undefined ? undefined : toAccessRequest({ ...flags, repo });
    const found: Diagnostic[] = [];
    for (const file of files.length === 0 ? [".eka-ci/config.json"] : files)
      found.push(...(await lintFile(file, config, { repository: request?.repository, ref: request?.ref })));
    if (flags.json) output.json({ findings: found });
    else {
      const style = flags.format === "github" ? "annotation" : "frame";
      for (const diagnostic of found) output.print(formatDiagnostic(diagnostic, { style }));
    }
    return found.length === 0 ? EXIT.ok : EXIT.files;
  });
}

/** The problems of one file. A file that does not load does not stop the others. */
async function lintFile(
  file: string,
  config: ServerConfig,
  options: LintOptions,
): Promise<readonly Diagnostic[]> {
  const warnings: Diagnostic[] = [];
  try {
    const onDiagnostic = (diagnostic: Diagnostic): void => void warnings.push(diagnostic);
    const repository = await loadRepositoryConfig(file, { onDiagnostic });
    return [...warnings, ...lintRepositoryConfig(repository, config, options)];
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics;
    throw error;
  }
}
