import type { DeliveryRecord, DeliveryState, PushJournal } from "../../index.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommonFlags } from "../common-flags.ts";
import { CliError, EXIT, type ExitCode, usage } from "../exit-codes.ts";
import { openJournal } from "../open-journal.ts";
import { type Output, show } from "../output.ts";
import { runCommand } from "../run-command.ts";
import { formatTable } from "../table.ts";

export type QueueFlags = Pick<CommonFlags, "json"> & {
  readonly journal: string;
  readonly cache?: string | undefined;
  readonly state?: readonly DeliveryState[] | undefined;
  readonly after?: number | undefined;
  readonly limit: number;
  readonly all?: boolean | undefined;
};

type Action = (
  journal: PushJournal,
  flags: QueueFlags,
  ids: readonly string[],
  output: Output,
) => Promise<ExitCode>;

/** Makes a command that works on a journal beside the queues that use it. */
function withJournal(action: Action) {
  return async function (this: CliContext, flags: QueueFlags, ...ids: readonly string[]): Promise<void> {
    await runCommand(this, flags, async (output) => {
      const journal = await openJournal(flags.journal);
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

export const status = withJournal(async (journal, flags, _ids, output) => {
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

const listIn = (states: readonly DeliveryState[] | undefined) =>
  withJournal(async (journal, flags, _ids, output) => {
    const { cache: cacheId, after, limit } = flags;
    const records = await journal.list({ cacheId, after, limit, states: states ?? flags.state });
    if (flags.json) output.json({ deliveries: records.map(toLine) });
    else printList(output, records);
    return EXIT.ok;
  });

export const list = listIn(undefined);
export const dead = listIn(["dead"]);

export const showOne = withJournal(async (journal, flags, [id], output) => {
  if (id === undefined) throw usage("Name a delivery, as `eka-caches queue list` shows it");
  const [record] = await journal.find([id]);
  if (record === undefined)
    throw new CliError(
      "ERR_DELIVERY_UNKNOWN",
      EXIT.files,
      "The journal does not know this delivery, or has forgotten it",
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

/** The ids of all dead letters, where they are meant. */
async function toIds(
  journal: PushJournal,
  { all, cache }: QueueFlags,
  ids: readonly string[],
): Promise<readonly string[]> {
  if (all !== true && ids.length === 0) throw usage("Name deliveries, or say --all");
  if (all !== true) return ids;
  const found: string[] = [];
  for (let after: number | undefined; ; ) {
    const page = await journal.list({ states: ["dead"], cacheId: cache, after, limit: 1_000 });
    if (page.length === 0) return found;
    found.push(...page.map(({ id }) => id));
    after = page.at(-1)?.position;
  }
}

const counting = (verb: string, act: (journal: PushJournal, ids: readonly string[]) => Promise<number>) =>
  withJournal(async (journal, flags, ids, output) => {
    const count = await act(journal, await toIds(journal, flags, ids));
    if (flags.json) output.json({ count });
    else output.print(`${count} ${count === 1 ? "delivery was" : "deliveries were"} ${verb}`);
    return EXIT.ok;
  });

export const replay = counting("replayed", (journal, ids) => journal.replay(ids));
export const drop = counting("dropped", (journal, ids) => journal.drop(ids));
export const cancel = counting("cancelled", async (journal, ids) => (await journal.cancel(ids)).length);
