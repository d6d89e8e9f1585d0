import {
  type CacheCheck,
  CacheRegistry,
  type CheckReport,
  type Diagnostic,
  formatDiagnostic,
} from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT } from "../exit-codes.ts";
import { type Output, show } from "../output.ts";
import { runCommand, toExitCode } from "../run-command.ts";

type CheckFlags = CommonFlags & {
  readonly cache?: readonly string[] | undefined;
  readonly probe?: "read" | "write" | undefined;
};

export async function check(this: CliContext, flags: CheckFlags): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const diagnostics: Diagnostic[] = [];
    const onDiagnostic = (diagnostic: Diagnostic): void => void diagnostics.push(diagnostic);
    await using registry = await CacheRegistry.load(flags.config, { onDiagnostic });
    const caches = flags.cache ?? [];
    const { probe } = flags;
    const report = await registry.check(caches.length === 0 ? { probe } : { probe, caches });
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

function print(output: Output, { tools, caches }: CheckReport): void {
  const wordOf = (isOk: boolean): string =>
    isOk ? output.style("green", "ok    ") : output.style("red", "failed");
  for (const { tool, ok, version, error } of tools)
    output.print(`${wordOf(ok)}  ${tool}  ${show(version ?? error?.message ?? "")}`.trimEnd());
  for (const cache of caches) {
    output.print(`${wordOf(cache.ok)}  ${show(cache.cacheId)}  ${show(describe(cache))}`);
    for (const rule of cache.rules) output.print(`        ${show(rule)}`);
    for (const warning of cache.warnings)
      output.print(`        ${output.style("yellow", "warning")}: ${show(warning)}`);
  }
}

function describe({ error, names, sourceType, expiration, upload, probe }: CacheCheck): string {
  if (error !== undefined) return error.message;
  const until = expiration === undefined ? "" : `, until ${expiration.toISOString()}`;
  const credentials =
    names.length === 0 ? "no credentials" : `${names.join(", ")} from ${sourceType}${until}`;
  const way = upload?.way === "nix" ? `by nix: ${upload.reason}` : "direct upload";
  const parts = [credentials, ...(upload === undefined ? [] : [way])];
  return [...parts, ...(probe === undefined ? [] : [toFinding(probe)])].join("; ");
}

function toFinding({ finding, storePath }: NonNullable<CacheCheck["probe"]>): string {
  switch (finding) {
    case "there":
      return "the cache answers";
    case "empty":
      return "the destination answers; nothing was pushed there yet";
    case "confirmed":
      return `the cache has ${storePath}`;
    case "not-asked":
      return "the destination was not asked, because only nix can use the proxy of this host";
  }
}
