import { CacheRegistry, PushQueue } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { EXIT } from "../exit-codes.ts";
import { openJournal } from "../open-journal.ts";
import { openLedger } from "../open-ledger.ts";
import { show } from "../output.ts";
import { type PushFlags, toPushRequest } from "../push-flags.ts";
import { runCommand } from "../run-command.ts";

type EnqueueFlags = CommonFlags &
  PushFlags & {
    readonly journal: string;
    readonly ledger?: string | undefined;
    readonly store: string;
    readonly pushId?: string | undefined;
  };

/** Passes a request to the workers. */
export async function enqueue(
  this: CliContext,
  flags: EnqueueFlags,
  ...paths: readonly string[]
): Promise<void> {
  await runCommand(this, flags, async (output) => {
    const request = { ...(await toPushRequest(this, flags, paths)), pushId: flags.pushId };
    await using registry = await CacheRegistry.load(flags.config);
    const queue = new PushQueue(registry, {
      journal: await openJournal(flags.journal),
      ledger: flags.ledger === undefined ? undefined : await openLedger(flags.ledger),
      role: "producer",
      stores: [flags.store],
    });
    try {
      const ticket = await queue.enqueue(request);
      const { deliveryIds: deliveries } = ticket;
      const denied = request.caches.filter((cacheId) => !deliveries.includes(`${ticket.id}/${cacheId}`));
      if (flags.json) output.json({ pushId: ticket.id, deliveries, denied });
      else {
        for (const id of deliveries) output.print(`${output.style("green", "accepted")}  ${show(id)}`);
        for (const id of denied) output.print(`${output.style("red", "denied")}    ${show(id)}`);
      }
      return denied.length > 0 ? EXIT.denied : EXIT.ok;
    } finally {
      await queue.close();
    }
  });
}
