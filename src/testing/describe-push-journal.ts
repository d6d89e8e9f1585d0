import type { PushJournal } from "../delivery/push-journal.ts";
import { LOOKUP_JOURNAL_CASES } from "./lookup-journal-cases.ts";
import { JOURNAL_CASES } from "./push-journal-cases.ts";
import { SHARED_JOURNAL_CASES } from "./shared-journal-cases.ts";
import type { TestFramework } from "./test-framework.ts";

/**
 * What {@link describePushJournal} tests.
 *
 * @example
 * ```ts
 * const suite: PushJournalSuite = { name: "memory", framework: { describe, it }, open: () => createMemoryJournal() };
 * ```
 *
 * @public
 */
export interface PushJournalSuite {
  /** Name of the suite. */
  readonly name: string;
  /** The test framework in use. */
  readonly framework: TestFramework;
  /** Opens an empty journal. */
  readonly open: () => PushJournal | Promise<PushJournal>;
  /**
   * Opens the last journal a second time, as another host does; omit it for a journal that cannot be shared.
   */
  readonly reopen?: (() => PushJournal | Promise<PushJournal>) | undefined;
}

/**
 * The contract of a journal, as tests. Nothing is lost or given to two hosts at once, no write has an effect
 * without the lease, outcomes are kept until they are told, and batches are correct. They take a few seconds,
 * because they wait for real leases to end.
 *
 * @param suite - the journal
 *
 * @example
 * ```ts
 * describePushJournal({ name: "mine", framework: { describe, it }, open: () => createMemoryJournal() });
 * ```
 *
 * @public
 */
export function describePushJournal(suite: PushJournalSuite): void {
  const { open, reopen } = suite;
  const { describe, it } = suite.framework;
  const run = async (test: (journal: PushJournal) => Promise<void>): Promise<void> => {
    const journal = await open();
    try {
      await test(journal);
    } finally {
      await journal.close();
    }
  };
  describe(`journal ${suite.name}`, () => {
    for (const [name, test] of Object.entries({ ...JOURNAL_CASES, ...LOOKUP_JOURNAL_CASES }))
      it(name, () => run(test));
    if (reopen === undefined) return;
    for (const [name, test] of Object.entries(SHARED_JOURNAL_CASES))
      it(name, () => run((journal) => test(journal, reopen)));
  });
}
