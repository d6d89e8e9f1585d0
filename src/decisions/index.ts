/**
 * Reads both files and decides who may push. This entry loads nothing that pushes, so a check in a pipeline
 * or a webhook starts fast. The main entry exports all of it as well.
 *
 * @packageDocumentation
 */
export { type AccessPolicy, createAccessPolicy } from "../config/access-policy.ts";
export {
  type LintFinding,
  type LintOptions,
  lintRepositoryConfig,
} from "../config/lint-repository-config.ts";
export { locateSetting, type SettingPlace } from "../config/locate-setting.ts";
export {
  loadRepositoryConfig,
  parseRepositoryConfig,
  type RepositoryConfig,
  type RepositoryJob,
  safeParseRepositoryConfig,
} from "../config/repository-config.ts";
export { loadServerConfig, parseServerConfig, safeParseServerConfig } from "../config/server-config.ts";
export type { SecurityPolicy, ServerConfig } from "../config/server-model.ts";
export { ConfigError } from "../config/text/config-error.ts";
export type {
  Diagnostic,
  DiagnosticCode,
  DiagnosticSeverity,
  SafeParseResult,
  SourceExcerpt,
  SourcePosition,
  SourceRange,
} from "../config/text/diagnostic.ts";
export {
  type DiagnosticStyle,
  type FormatDiagnosticOptions,
  formatDiagnostic,
} from "../config/text/format-diagnostic.ts";
export type { LoadConfigOptions } from "../config/text/load-text.ts";
export type { DiagnosticListener, ParseConfigOptions } from "../config/text/parse-result.ts";
export type { CacheDefinition, CachePermissions } from "../core/cache.ts";
export { escapeText } from "../core/text.ts";
export {
  type AccessRequest,
  type AllowDecision,
  type AllowReason,
  type Decision,
  type DenyDecision,
  type DenyReason,
  explainDecision,
  type MatchedRule,
} from "../policy/decision.ts";
export type { BranchRef, GitRef, PullRequestRef, TagRef } from "../policy/git-ref.ts";
export { parseGitRef } from "../policy/parse-git-ref.ts";
export { assertAllowed, PermissionError } from "../policy/permission-error.ts";
export {
  type CompiledPermissions,
  type CompilePermissionsOptions,
  compilePermissions,
} from "../policy/permissions.ts";
export { type AnyCachesError, isCachesError } from "../registry/any-error.ts";
export { describeCacheRules } from "../registry/describe-cache-rules.ts";
