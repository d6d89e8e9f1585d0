export { type CollectedEvents, collectEvents } from "./collect-events.ts";
export { type CacheTypeSample, type CacheTypeSuite, describeCacheType } from "./describe-cache-type.ts";
export {
  type Arranged,
  type CredentialProviderSuite,
  describeCredentialProvider,
  type FailingProvider,
  type ReadyProvider,
  type RotatingProvider,
} from "./describe-credential-provider.ts";
export { describeExecutor, type ExecutorSuite } from "./describe-executor.ts";
export { describePushJournal, type PushJournalSuite } from "./describe-push-journal.ts";
export { describePushLedger, type PushLedgerSuite } from "./describe-push-ledger.ts";
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export {
  createRecordingExecutor,
  type RecordingExecutor,
  type RecordingExecutorOptions,
  type ScriptedResult,
} from "./recording-executor.ts";
export { createStaticProvider } from "./static-provider.ts";
export type { TestFramework } from "./test-framework.ts";
export { createTestRuntime, type TestFile, type TestRuntimeOptions } from "./test-runtime.ts";
export { toVisibleText } from "./visible-text.ts";
