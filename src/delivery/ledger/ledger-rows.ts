import { isRecord, readMember } from "../../core/own-member.ts";
import { parseJson } from "../../core/text.ts";
import type { GitRef } from "../../policy/git-ref.ts";
import { type LedgerEntry, OUTCOMES, type RecordedEntry } from "./push-ledger.ts";

/** The members of a row that are not searched, as one text. */
export function writeDetails({ ref, commit, signedBy }: LedgerEntry): string {
  return JSON.stringify({ ref, commit, signedBy });
}

/** The latest possible date, in milliseconds. */
const LATEST = 8.64e15;

/** An entry from a row of a database; nothing if it cannot be read. */
export function readEntry(row: Readonly<Record<string, unknown>>): RecordedEntry | undefined {
  const [position, at] = [Number(row["number"]), Number(row["at"])];
  const outcome = OUTCOMES.find((known) => known === row["outcome"]);
  const details = parseJson(String(row["details"]));
  if (outcome === undefined || !(Math.abs(at) <= LATEST) || !isRecord(details)) return undefined;
  return {
    ...{ position, outcome, time: new Date(at).toISOString() },
    ...{ storePath: String(row["store_path"]), cacheId: String(row["cache_id"]) },
    ...{ pushId: String(row["push_id"]), repository: String(row["repository"]), job: String(row["job"]) },
    reason: typeof row["reason"] === "string" ? row["reason"] : undefined,
    ref: readRef(readMember(details, "ref")),
    commit: readText(readMember(details, "commit")),
    signedBy: readText(readMember(details, "signedBy")),
    fingerprint: readText(row["fingerprint"]),
  };
}

// This package wrote it from values of this type. A ledger is as trusted as its host.
function readRef(value: unknown): GitRef | undefined {
  return isRef(value) ? value : undefined;
}

function isRef(value: unknown): value is GitRef {
  if (!isRecord(value)) return false;
  const { type, name, number, head } = value;
  if (type === "pull-request") return typeof number === "number" && isRecord(head);
  return (type === "branch" || type === "tag") && typeof name === "string";
}

function readText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
