export { type AuditSink, createLineSink, type LineSinkOptions } from "./audit/audit-log.ts";
export type {
  AuditEvent,
  AuditEventBase,
  CredentialsFailedEvent,
  CredentialsResolvedEvent,
  PermissionDecidedEvent,
  PushDispatchedEvent,
  PushFinishedEvent,
  PushStartedEvent,
} from "./audit/event.ts";
export { formatAuditEvent, formatAuditJson } from "./audit/format-event.ts";
export { buildAtticPushCommand } from "./commands/attic.ts";
export type { BoundCacheType, CacheTool, CacheTypeDefinition } from "./commands/cache-tool.ts";
export {
  type CacheTypeInit,
  type CacheTypeInput,
  type CacheTypeSettings,
  defineCacheType,
} from "./commands/cache-type.ts";
export { buildCachixPinCommand, buildCachixPushCommand } from "./commands/cachix.ts";
export {
  type CommandArg,
  type CommandSpec,
  type FailureText,
  formatCommand,
  type PrivateFile,
  type WorkPath,
  workFile,
} from "./commands/command.ts";
export { buildNixCopyCommand, buildNixStoreCopyCommand } from "./commands/nix-copy.ts";
export type { NixStoreAccess } from "./commands/nix-store-access.ts";
export { buildPushCommand } from "./commands/push-command.ts";
export type { PushCommandInput } from "./commands/push-input.ts";
export { parseStorePath, type StorePath, type StorePathOptions } from "./commands/store-path.ts";
export type { AwsFilePaths, ToolInput } from "./commands/tool-input.ts";
export type {
  AfterPush,
  AtticDestination,
  BuiltInCacheType,
  CacheDestination,
  CacheType,
  CachixDestination,
  CustomCacheType,
  CustomDestination,
  HttpDestination,
  PromotionRule,
  S3Destination,
  StoreParameter,
} from "./core/cache.ts";
export type { FailureMeaning } from "./core/cloud-codes.ts";
export type {
  AwsProfileSource,
  AwsSecretsManagerSource,
  CachixTokenSource,
  CloudProvider,
  CredentialSource,
  CustomSource,
  EnvSource,
  FileSource,
  InstanceMetadataSource,
  NoneSource,
  SystemdCredentialSource,
  VaultAppRoleAuth,
  VaultAuth,
  VaultJwtAuth,
  VaultKubernetesAuth,
  VaultSource,
} from "./core/credential-source.ts";
export type { CachesErrorCode, ErrorCodes } from "./core/error-codes.ts";
export {
  CachesError,
  CommandError,
  CredentialError,
  FileError,
  ForgeError,
  HttpError,
  PushError,
} from "./core/errors.ts";
export { Secret } from "./core/secret.ts";
export {
  type CredentialProvider,
  type CredentialRequest,
  type CredentialSourceDefinition,
  type CredentialSourceInit,
  type Credentials,
  defineCredentialSource,
} from "./credentials/provider.ts";
export {
  type CredentialResolver,
  type CredentialResolverOptions,
  createCredentialResolver,
} from "./credentials/resolver.ts";
export * from "./decisions/index.ts";
export { createGcRoots, type GcRoots, type GcRootsOptions } from "./delivery/gc-roots.ts";
export { createMemoryLedger, type MemoryLedgerOptions } from "./delivery/ledger/memory-ledger.ts";
export type {
  LedgerBounds,
  LedgerEntry,
  LedgerOutcome,
  LedgerPosition,
  LedgerQuery,
  PushLedger,
  RecordedEntry,
} from "./delivery/ledger/push-ledger.ts";
export { createMemoryJournal, type MemoryJournalOptions } from "./delivery/memory-journal.ts";
export type { JournalCondition } from "./delivery/observed-journal.ts";
export type {
  Batch,
  BuriedDelivery,
  CacheStats,
  Delivery,
  DeliveryRecord,
  DeliveryState,
  LeasedDelivery,
  LeaseRequest,
  ListRequest,
  Outcome,
  PageRequest,
  PushJournal,
  Verdict,
} from "./delivery/push-journal.ts";
export { PushQueue } from "./delivery/push-queue.ts";
export type {
  DeliveryAbandonedEvent,
  DeliveryAcceptedEvent,
  DeliveryBuriedEvent,
  DeliveryEventBase,
  DeliveryRetriedEvent,
  DeliverySettledEvent,
  DeliveryStartedEvent,
  LaneClosedEvent,
  LaneOpenedEvent,
  QueueEvent,
} from "./delivery/queue-events.ts";
export type { QueueRates } from "./delivery/queue-meter.ts";
export type {
  DeadLetter,
  DrainOptions,
  PushQueueOptions,
  PushTicket,
  QueuedDelivery,
  QueueHealth,
  QueueStats,
  RegistrySource,
  SettledDelivery,
} from "./delivery/queue-types.ts";
export type { JournalSalvage } from "./delivery/sqlite/salvage-journal.ts";
export { createSqliteJournal, type SqliteJournalOptions } from "./delivery/sqlite/sqlite-journal.ts";
export { createSqliteLedger, type SqliteLedgerOptions } from "./delivery/sqlite/sqlite-ledger.ts";
export type {
  ExecuteOptions,
  ExecutionOutcome,
  ExecutionResult,
  Executor,
  OutputChunk,
} from "./execution/executor.ts";
export type { FailureClass } from "./execution/failure.ts";
export type { CommandProgress } from "./execution/nix-log.ts";
export { createProcessExecutor } from "./execution/process-executor.ts";
export type { ProcessExecutorOptions } from "./execution/process-executor-options.ts";
export type {
  FileContent,
  FileStatus,
  FileSystem,
  ListDirectoryOptions,
  ReadFileOptions,
} from "./host/file-system.ts";
export type {
  HttpClient,
  HttpConnectOptions,
  HttpFileBody,
  HttpRequest,
  HttpResponse,
  HttpSession,
} from "./host/http-client.ts";
export { type Clock, createNodeRuntime, type HostUser, type Random, type Runtime } from "./host/runtime.ts";
export {
  CacheRegistry,
  type CacheRegistryLoadOptions,
  type CacheRegistryOptions,
} from "./registry/cache-registry.ts";
export type { CacheCheck, CacheProbe, CheckOptions, CheckReport, ToolCheck } from "./registry/check-types.ts";
export type { PlanEntry, PushPlan } from "./registry/plan.ts";
export type {
  AbortedResult,
  DeniedResult,
  ExecutedPush,
  FailedResult,
  PromotionRequest,
  PushedResult,
  PushOptions,
  PushOutputChunk,
  PushProgress,
  PushReport,
  PushRequest,
  PushResult,
  QueuedPromotion,
  SkippedPath,
  SkippedResult,
  UploadWay,
  UpstreamResult,
} from "./registry/push-types.ts";
export {
  type ConfigChanges,
  createReloadingRegistry,
  type RegistryReload,
  type ReloadingRegistry,
  type ReloadingRegistryOptions,
} from "./registry/reloading-registry.ts";
