import {
  type Diagnostic,
  formatDiagnostic,
  lintRepositoryConfig,
  loadRepositoryConfig,
  loadServerConfig,
} from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT } from "../exit-codes.ts";
import { type RequestFlags, toAccessRequest } from "../request-flags.ts";
import { runCommand } from "../run-command.ts";

type LintFlags = CommonFlags & Partial<RequestFlags> & { readonly format: "text" | "github" };

export async function lint(this: CliContext, flags: LintFlags, ...files: readonly string[]): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const config = await loadServerConfig(flags.config);
    const { repo } = flags;
    const request = repo === undefined ? undefined : toAccessRequest({ ...flags, repo });
    const found: Diagnostic[] = [];
    for (const file of files.length === 0 ? [".eka-ci/config.json"] : files) {
      const onDiagnostic = (diagnostic: Diagnostic): void => void found.push(diagnostic);
      const repository = await loadRepositoryConfig(file, { onDiagnostic });
      found.push(
        ...lintRepositoryConfig(repository, config, { repository: request?.repository, ref: request?.ref }),
      );
    }
    if (flags.json) output.json({ findings: found });
    else {
      const style = flags.format === "github" ? "annotation" : "frame";
      for (const diagnostic of found) output.print(formatDiagnostic(diagnostic, { style }));
    }
    return found.length === 0 ? EXIT.ok : EXIT.files;
  });
}
