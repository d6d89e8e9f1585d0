import type { PushLedger } from "@eka-ci/caches";

/** A ledger that outlives the queues that close it. */
export function keepOpen(ledger: PushLedger): PushLedger {
  return {
    record: (entries) => ledger.record(entries),
    find: (query) => ledger.find(query),
    owed: (query) => ledger.owed(query),
    confirmed: (...asked) => ledger.confirmed(...asked),
    close: async () => {},
  };
}
