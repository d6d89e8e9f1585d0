import { isObject, type Members, readMember, toMembers } from "../core/own-member.ts";
import { parseJson } from "../core/text.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { AllowDecision, DenyDecision } from "../policy/decision.ts";
import { toAuditFailure } from "../registry/push-failure.ts";
import type { ExecutedPush, PushResult, UploadWay } from "../registry/push-types.ts";
import { readSkippedPaths } from "./read-skipped-paths.ts";
import { readStoredError, toStoredError } from "./stored-error.ts";

/** A stored result keeps only the last runs, and only the end of their output. */
const MAX_EXECUTIONS = 3;
const MAX_OUTPUT = 2_048;

/** Writes a result for a journal, with less output of the tools than the report. */
export function writeResult(result: PushResult): string {
  if (result.status === "denied") return JSON.stringify(result);
  const executions = result.executions.slice(-MAX_EXECUTIONS).map((run) => ({
    ...run,
    stdout: run.stdout.slice(-MAX_OUTPUT),
    stderr: run.stderr.slice(-MAX_OUTPUT),
    truncated: run.truncated || run.stdout.length + run.stderr.length > 2 * MAX_OUTPUT,
  }));
  const error = result.status === "failed" ? toStoredError(result.error) : undefined;
  return JSON.stringify({ ...result, executions, error });
}

/** Reads a result from a journal; nothing for an invalid text. */
export function readStoredResult(text: string): PushResult | undefined {
  const stored = parseJson(text);
  if (!isObject(stored)) return undefined;
  const cacheId = readMember(stored, "cacheId");
  const status = readMember(stored, "status");
  const decision = readMember(stored, "decision");
  if (typeof cacheId !== "string" || !isObject(decision)) return undefined;
  if (status === "denied") return isDenial(decision) ? { status, cacheId, decision } : undefined;
  const executed = readExecuted(stored, cacheId, decision);
  if (executed === undefined) return undefined;
  switch (status) {
    case "pushed":
    case "upstream":
    case "skipped":
    case "aborted":
      return { ...executed, status };
    case "failed": {
      const isTolerated = readMember(stored, "isTolerated") === true ? true : undefined;
      return { ...executed, status, error: readStoredError(readMember(stored, "error")), isTolerated };
    }
    default:
      return undefined;
  }
}

function readExecuted(stored: Members, cacheId: string, decision: Members): ExecutedPush | undefined {
  const storePaths = readTexts(readMember(stored, "storePaths"));
  const confirmedPaths = readTexts(readMember(stored, "confirmedPaths"));
  // A journal of an older version has none.
  const upstreamPaths = readTexts(readMember(stored, "upstreamPaths")) ?? [];
  const executions = readMember(stored, "executions");
  const durationMs = readMember(stored, "durationMs");
  if (storePaths === undefined || confirmedPaths === undefined) return undefined;
  if (typeof durationMs !== "number" || !isPermission(decision)) return undefined;
  const runs = Array.isArray(executions) ? executions.filter(isRun) : [];
  const auditError = readMember(stored, "auditError");
  return {
    ...{ cacheId, decision, storePaths, confirmedPaths, upstreamPaths, executions: runs, durationMs },
    skippedPaths: readSkippedPaths(readMember(stored, "skippedPaths")),
    upload: readUploadWay(readMember(stored, "upload")),
    fingerprint: readText(readMember(stored, "fingerprint")),
    signedBy: readText(readMember(stored, "signedBy")),
    knownPaths: readTexts(readMember(stored, "knownPaths")),
    auditError: isObject(auditError) ? toAuditFailure(readStoredError(auditError)) : undefined,
  };
}

/** A journal of an older version has none. */
function readUploadWay(value: unknown): UploadWay | undefined {
  const { way, reason } = toMembers(value);
  if (way === "direct") return { way };
  return way === "nix" && typeof reason === "string" ? { way, reason } : undefined;
}

// This package wrote it from values of these types. A journal is as trusted as its host.
function isPermission(decision: Members): decision is Members & AllowDecision {
  return readMember(decision, "effect") === "allow" && Array.isArray(readMember(decision, "matched"));
}

function isDenial(decision: Members): decision is Members & DenyDecision {
  return readMember(decision, "effect") === "deny" && typeof readMember(decision, "message") === "string";
}

function isRun(run: unknown): run is ExecutionResult {
  const { outcome, stdout, stderr } = toMembers(run);
  return typeof outcome === "string" && typeof stdout === "string" && typeof stderr === "string";
}

function readText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function readTexts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.every((item) => typeof item === "string") ? value : undefined;
}
