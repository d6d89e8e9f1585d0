import type { LedgerOutcome, LedgerQuery, PushLedger, RecordedEntry } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { openLedger } from "../open-ledger.ts";
import { type Output, show } from "../output.ts";
import { describeRef } from "../request-flags.ts";
import { runCommand } from "../run-command.ts";
import { formatTable } from "../table.ts";

interface LedgerFlags {
  readonly json: boolean;
  readonly ledger: string;
  readonly cache?: string | undefined;
  readonly repo?: string | undefined;
  readonly job?: string | undefined;
  readonly limit: number;
}

type FindFlags = LedgerFlags & { readonly outcome?: readonly LedgerOutcome[] | undefined };

/** Creates a command that lists entries of a ledger. */
function listing<Flags extends LedgerFlags>(
  find: (ledger: PushLedger, query: LedgerQuery, flags: Flags) => Promise<readonly RecordedEntry[]>,
) {
  return async function (this: CliContext, flags: Flags, storePath?: string): Promise<void> {
    await runCommand(this, flags, async (output) => {
      const ledger = await openLedger(flags.ledger, { mustExist: true });
      try {
        const { cache: cacheId, repo: repository, job, limit } = flags;
        const entries = await find(ledger, { storePath, cacheId, repository, job, limit }, flags);
        if (flags.json) output.json({ entries });
        else printEntries(output, entries);
        return EXIT.ok;
      } finally {
        await ledger.close();
      }
    });
  };
}

export const find = listing<FindFlags>((ledger, query, { outcome: outcomes }) =>
  ledger.find({ ...query, outcomes }),
);
export const owed = listing<LedgerFlags>((ledger, query) => ledger.owed(query));

/** Writes a whole ledger as JSON Lines, the last recorded first. */
export async function exportLedger(
  this: CliContext,
  flags: Pick<LedgerFlags, "ledger" | "cache" | "repo">,
): Promise<void> {
  await runCommand(this, { json: false }, async (output) => {
    const ledger = await openLedger(flags.ledger, { mustExist: true });
    try {
      const { cache: cacheId, repo: repository } = flags;
      for (let before: RecordedEntry | undefined; ; ) {
        const page = await ledger.find({ cacheId, repository, before, limit: 1_000 });
        for (const entry of page) output.print(JSON.stringify(entry));
        before = page.at(-1);
        if (before === undefined) return EXIT.ok;
      }
    } finally {
      await ledger.close();
    }
  });
}

function printEntries(output: Output, entries: readonly RecordedEntry[]): void {
  if (entries.length === 0) output.print("There is no such entry");
  const rows = entries.map((entry) => {
    const { time, outcome, reason, cacheId, repository, ref, job, storePath } = entry;
    const what = reason === undefined ? outcome : `${outcome} (${reason})`;
    const from = ref === undefined ? repository : `${repository}, ${describeRef(ref)}`;
    return [time, cacheId, what, from, job, storePath].map(show);
  });
  const heads = ["time", "cache", "outcome", "for", "job", "path"];
  for (const line of rows.length === 0 ? [] : formatTable(heads, rows, output.columns)) output.print(line);
}
