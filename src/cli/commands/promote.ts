import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { toPushRequest } from "../push-flags.ts";
import { reportPush } from "../report-push.ts";
import type { RequestFlags } from "../request-flags.ts";
import { runCommand } from "../run-command.ts";

/** The flags of a promotion. */
export interface PromoteFlags extends RequestFlags {
  readonly from: string;
  readonly to: string;
  readonly job: string;
  readonly commit?: string | undefined;
}

export async function promote(
  this: CliContext,
  flags: CommonFlags & PromoteFlags,
  ...paths: readonly string[]
): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const { from, to } = flags;
    const { caches, ...request } = await toPushRequest(this, { ...flags, cache: [to] }, paths);
    return reportPush(this, output, flags, {
      caches,
      start: (registry, options) => registry.promote({ ...request, from, to }, options),
    });
  });
}
