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
export type {
  AtticDestination,
  CacheDefinition,
  CacheDestination,
  CachePermissions,
  CacheType,
  CachixDestination,
  HttpDestination,
  S3Destination,
  StoreParameter,
} from "./cache.ts";
export { buildAtticPushCommand } from "./commands/attic.ts";
export { batchStorePaths } from "./commands/batch.ts";
export { buildCachixPushCommand } from "./commands/cachix.ts";
export {
  type CommandArg,
  type CommandSpec,
  formatCommand,
  type PrivateFile,
  type WorkPath,
} from "./commands/command.ts";
export { buildNixCopyCommand } from "./commands/nix-copy.ts";
export { buildPathInfoCommand, type PathInfo, parsePathInfo } from "./commands/path-info.ts";
export { buildPushCommand } from "./commands/push-command.ts";
export type { AwsFilePaths, PushCommandInput } from "./commands/push-input.ts";
export { parseStorePath, type StorePath, type StorePathOptions } from "./commands/store-path.ts";
export { buildValidityCheckCommand } from "./commands/validity-check.ts";
export type {
  Diagnostic,
  DiagnosticCode,
  DiagnosticSeverity,
  SafeParseResult,
  SourceExcerpt,
  SourcePosition,
  SourceRange,
} from "./config/diagnostic.ts";
export {
  type DiagnosticStyle,
  type FormatDiagnosticOptions,
  formatDiagnostic,
} from "./config/format-diagnostic.ts";
export { type LintFinding, type LintOptions, lintRepositoryConfig } from "./config/lint-repository-config.ts";
export type { LoadConfigOptions } from "./config/load-text.ts";
export {
  type HookMigration,
  type MigrateHooksOptions,
  migrateHooks,
} from "./config/migration/migrate-hooks.ts";
export type { DiagnosticListener, ParseConfigOptions } from "./config/parse-result.ts";
export {
  loadRepositoryConfig,
  parseRepositoryConfig,
  type RepositoryConfig,
  type RepositoryJob,
  safeParseRepositoryConfig,
} from "./config/repository-config.ts";
export {
  loadServerConfig,
  parseServerConfig,
  type SecurityPolicy,
  type ServerConfig,
  safeParseServerConfig,
} from "./config/server-config.ts";
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
  VaultSource,
} from "./credential-source.ts";
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
export type { StandardIssue, StandardResult, StandardSchema } from "./credentials/standard-schema.ts";
export { createGcRoots, type GcRoots, type GcRootsOptions } from "./delivery/gc-roots.ts";
export { createMemoryJournal } from "./delivery/memory-journal.ts";
export type { DeadLetter, Delivery, Lease, PushJournal } from "./delivery/push-journal.ts";
export { PushQueue } from "./delivery/push-queue.ts";
export type {
  PushQueueOptions,
  PushTicket,
  RegistrySource,
  SettledDelivery,
} from "./delivery/queue-types.ts";
export { createSqliteJournal } from "./delivery/sqlite-journal.ts";
export type {
  CachesErrorCode,
  CommandErrorCode,
  ConfigErrorCode,
  CredentialErrorCode,
  FileErrorCode,
  HttpErrorCode,
  PermissionErrorCode,
  PushErrorCode,
} from "./error-codes.ts";
export {
  type AnyCachesError,
  CachesError,
  CommandError,
  ConfigError,
  CredentialError,
  FileError,
  HttpError,
  isCachesError,
  PermissionError,
  PushError,
} from "./errors.ts";
export type {
  ExecuteOptions,
  ExecutionOutcome,
  ExecutionResult,
  Executor,
  OutputChunk,
} from "./execution/executor.ts";
export type { CommandProgress } from "./execution/nix-log.ts";
export { createProcessExecutor, type ProcessExecutorOptions } from "./execution/process-executor.ts";
export type { HttpClient, HttpRequest, HttpResponse } from "./http-client.ts";
export {
  type AccessRequest,
  type AllowDecision,
  type AllowReason,
  assertAllowed,
  type Decision,
  type DenyDecision,
  type DenyReason,
  explainDecision,
  type MatchedRule,
} from "./policy/decision.ts";
export { parseDenyReason } from "./policy/deny-reason.ts";
export {
  type BranchRef,
  type GitRef,
  type PullRequestRef,
  parseGitRef,
  type TagRef,
} from "./policy/git-ref.ts";
export {
  type CompiledPermissions,
  type CompilePermissionsOptions,
  compilePermissions,
} from "./policy/permissions.ts";
export {
  CacheRegistry,
  type CacheRegistryLoadOptions,
  type CacheRegistryOptions,
} from "./registry/cache-registry.ts";
export type { CacheCheck, CheckOptions, CheckReport, ToolCheck } from "./registry/check.ts";
export type { PlanEntry, PushPlan } from "./registry/plan.ts";
export type {
  AbortedResult,
  DeniedResult,
  ExecutedPush,
  FailedResult,
  PushedResult,
  PushOptions,
  PushOutputChunk,
  PushProgress,
  PushReport,
  PushRequest,
  PushResult,
} from "./registry/push-types.ts";
export {
  type Clock,
  createNodeRuntime,
  type FileContent,
  type FileStatus,
  type FileSystem,
  type HostUser,
  type Random,
  type ReadFileOptions,
  type Runtime,
} from "./runtime.ts";
export { Secret } from "./secret.ts";
export { escapeText } from "./text.ts";
