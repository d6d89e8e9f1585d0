import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { type PushFlags, toPushRequest } from "../push-flags.ts";
import { reportPush } from "../report-push.ts";
import { runCommand } from "../run-command.ts";

export async function push(
  this: CliContext,
  flags: CommonFlags & PushFlags,
  ...paths: readonly string[]
): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const request = await toPushRequest(this, flags, paths);
    return reportPush(this, output, flags, {
      caches: request.caches,
      start: (registry, options) => registry.push(request, options),
    });
  });
}
