import { CacheRegistry, type Diagnostic, formatDiagnostic } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT } from "../exit-codes.ts";
import { type Output, show } from "../output.ts";
import { runCommand, toExitCode } from "../run-command.ts";

type CheckFlags = CommonFlags & { readonly cache?: readonly string[] | undefined };
type Report = Awaited<ReturnType<CacheRegistry["check"]>>;

export async function check(this: CliContext, flags: CheckFlags): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const diagnostics: Diagnostic[] = [];
    const onDiagnostic = (diagnostic: Diagnostic): void => void diagnostics.push(diagnostic);
    await using registry = await CacheRegistry.load(flags.config, { onDiagnostic });
    const caches = flags.cache ?? [];
    const report = await registry.check(caches.length === 0 ? {} : { caches });
    if (flags.json) output.json({ ...report, diagnostics });
    else {
      for (const diagnostic of diagnostics) output.note(formatDiagnostic(diagnostic, { style: "frame" }));
      print(output, report);
    }
    if (report.ok) return EXIT.ok;
    const errors = [...report.tools, ...report.caches].flatMap(({ error }) => error ?? []);
    return errors.every((error) => toExitCode(error) === EXIT.away) ? EXIT.away : EXIT.files;
  });
}

function print(output: Output, { tools, caches }: Report): void {
  const wordOf = (isOk: boolean): string =>
    isOk ? output.style("green", "ok    ") : output.style("red", "failed");
  for (const { tool, ok, version, error } of tools)
    output.print(`${wordOf(ok)}  ${tool}  ${show(version ?? error?.message ?? "")}`.trimEnd());
  for (const { cacheId, ok, sourceType, names, warnings, error, expiration, upload } of caches) {
    const until = expiration === undefined ? "" : `, until ${expiration.toISOString()}`;
    const credentials =
      names.length === 0 ? "no credentials" : `${names.join(", ")} from ${sourceType}${until}`;
    const way =
      upload === undefined
        ? ""
        : `; ${upload.way === "direct" ? "direct upload" : `by nix: ${upload.reason}`}`;
    output.print(`${wordOf(ok)}  ${show(cacheId)}  ${show(error?.message ?? `${credentials}${way}`)}`);
    for (const warning of warnings)
      output.print(`        ${output.style("yellow", "warning")}: ${show(warning)}`);
  }
}
