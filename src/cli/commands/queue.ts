import type { DeliveryRecord, DeliveryState, PushJournal } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { CliError, EXIT, type ExitCode, usage } from "../exit-codes.ts";
import { openJournal } from "../open-journal.ts";
import { type Output, show } from "../output.ts";
import { runCommand } from "../run-command.ts";
import { formatTable } from "../table.ts";

type JournalFlags = Pick<CommonFlags, "json"> & { readonly journal: string };

type PageFlags = JournalFlags & {
  readonly cache?: string | undefined;
  readonly after?: number | undefined;
  readonly limit: number;
};

type ListFlags = PageFlags & { readonly state?: readonly DeliveryState[] | undefined };

type ChangeFlags = JournalFlags & { readonly all: boolean; readonly cache?: string | undefined };

/** Creates a command that works on a journal beside the queues that use it. */
function withJournal<Flags extends JournalFlags, Ids extends readonly string[]>(
  action: (journal: PushJournal, flags: Flags, ids: Ids, output: Output) => Promise<ExitCode>,
) {
  return async function (this: CliContext, flags: Flags, ...ids: Ids): Promise<void> {
    await runCommand(this, flags, async (output) => {
      const journal = await openJournal(flags.journal, { mustExist: true });
      try {
        return await action(journal, flags, ids, output);
      } finally {
        await journal.close();
      }
    });
  };
}

/** A length of time, for people. */
function toAge(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export const status = withJournal<JournalFlags, []>(async (journal, flags, _ids, output) => {
  const stats = await journal.stats();
  if (flags.json) output.json({ caches: stats });
  else if (stats.length === 0) output.print("The queue is empty");
  else {
    const rows = stats.map(({ cacheId, waiting, held, dead, oldestMs, attempts }) =>
      [show(cacheId), waiting, held, dead, attempts, toAge(oldestMs)].map(String),
    );
    const heads = ["cache", "waiting", "held", "dead", "attempts", "oldest"];
    for (const line of formatTable(heads, rows, output.columns)) output.print(line);
  }
  return EXIT.ok;
});

/** Requests are not shown in lists: they may be long. */
function toLine({ request: _request, context: _context, ...known }: DeliveryRecord) {
  return known;
}

function printList(output: Output, records: readonly DeliveryRecord[]): void {
  const rows = records.map(({ id, state, repository, attempts, ageMs, code }) =>
    [id, state, repository, attempts, toAge(ageMs), code ?? ""].map((cell) => show(String(cell))),
  );
  const heads = ["delivery", "state", "repository", "attempts", "age", "error"];
  for (const line of formatTable(heads, rows, output.columns)) output.print(line);
}

async function printPage(
  journal: PushJournal,
  { cache: cacheId, after, limit, json }: PageFlags,
  states: readonly DeliveryState[] | undefined,
  output: Output,
): Promise<ExitCode> {
  const records = await journal.list({ cacheId, after, limit, states });
  if (json) output.json({ deliveries: records.map(toLine) });
  else printList(output, records);
  return EXIT.ok;
}

export const list = withJournal<ListFlags, []>((journal, flags, _ids, output) =>
  printPage(journal, flags, flags.state, output),
);
export const dead = withJournal<PageFlags, []>((journal, flags, _ids, output) =>
  printPage(journal, flags, ["dead"], output),
);

export const showOne = withJournal<JournalFlags, [id: string]>(async (journal, flags, [id], output) => {
  const [record] = await journal.find([id]);
  if (record === undefined)
    throw new CliError(
      "ERR_DELIVERY_UNKNOWN",
      EXIT.files,
      "The journal does not know this delivery, or no longer does",
    );
  const { context: _context, request, ...known } = record;
  if (flags.json) output.json({ delivery: { ...known, request: toValue(request) } });
  else
    for (const [name, value] of Object.entries({ ...known, request }))
      if (value !== undefined) output.print(`${name}: ${show(String(value))}`);
  return EXIT.ok;
});

/** What a queue has written is JSON. */
function toValue(request: string): unknown {
  try {
    return JSON.parse(request);
  } catch {
    return request;
  }
}

/** The given ids, or those of all deliveries in a state. */
async function toIds(
  journal: PushJournal,
  { all, cache }: ChangeFlags,
  ids: readonly string[],
  state: DeliveryState,
): Promise<readonly string[]> {
  if (all === ids.length > 0) throw usage("Name deliveries, or use --all");
  if (!all && cache !== undefined) throw usage("--cache needs --all");
  if (!all) return ids;
  const found: string[] = [];
  for (let after: number | undefined; ; ) {
    const page = await journal.list({ states: [state], cacheId: cache, after, limit: 1_000 });
    if (page.length === 0) return found;
    found.push(...page.map(({ id }) => id));
    after = page.at(-1)?.position;
  }
}

const changing = (
  verb: string,
  state: DeliveryState,
  act: (journal: PushJournal, ids: readonly string[]) => Promise<number>,
) =>
  withJournal<ChangeFlags, string[]>(async (journal, flags, given, output) => {
    const ids = await toIds(journal, flags, given, state);
    const count = await act(journal, ids);
    if (flags.json) output.json({ count });
    else output.print(`${count} ${count === 1 ? "delivery was" : "deliveries were"} ${verb}`);
    // A named delivery should exist.
    return flags.all || count === new Set(ids).size ? EXIT.ok : EXIT.files;
  });

export const replay = changing("replayed", "dead", (journal, ids) => journal.replay(ids));
export const drop = changing("dropped", "dead", (journal, ids) => journal.drop(ids));
export const cancel = changing(
  "cancelled",
  "waiting",
  async (journal, ids) => (await journal.cancel(ids)).length,
);
