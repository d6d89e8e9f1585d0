import { CacheRegistry } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { DECIDE_ONLY } from "../decide-only.ts";
import { EXIT } from "../exit-codes.ts";
import { show } from "../output.ts";
import { type PushFlags, toPushRequest } from "../push-flags.ts";
import { runCommand } from "../run-command.ts";

export async function plan(
  this: CliContext,
  flags: CommonFlags & PushFlags,
  ...paths: readonly string[]
): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const request = await toPushRequest(this, flags, paths);
    await using registry = await CacheRegistry.load(flags.config, DECIDE_ONLY);
    const { entries } = registry.plan(request);
    if (flags.json) output.json({ entries });
    else
      for (const { cacheId, decision, commands, rules, error, upload } of entries) {
        const isAllowed = decision.effect === "allow";
        const word = isAllowed ? output.style("green", "allowed") : output.style("red", "denied ");
        output.print(`${word}  ${show(cacheId)}: ${show(isAllowed ? decision.reason : decision.message)}`);
        if (upload?.way === "direct") output.print("  this process uploads the paths");
        for (const rule of rules) output.print(`  ${show(rule)}`);
        for (const command of commands) output.print(`  ${show(command)}`);
        if (error !== undefined) output.print(`  ${output.style("red", "error")}: ${show(error.message)}`);
      }
    if (entries.some(({ decision }) => decision.effect === "deny")) return EXIT.denied;
    return entries.some(({ error }) => error !== undefined) ? EXIT.files : EXIT.ok;
  });
}
