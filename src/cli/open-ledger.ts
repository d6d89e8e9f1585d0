import { existsSync } from "node:fs";
import { createSqliteLedger, type PushLedger } from "../index.ts";
import { CliError, EXIT, usage } from "./exit-codes.ts";

/**
 * Opens a ledger: a file, or a server by its URL.
 *
 * @param options - whether the file must exist; for a command that only reads, a missing file is a mistyped
 * name
 */
export async function openLedger(
  place: string,
  { mustExist = false }: { readonly mustExist?: boolean | undefined } = {},
): Promise<PushLedger> {
  if (/^postgres(?:ql)?:\/\//u.test(place)) {
    const { createPostgresLedger } = await import("../postgres/index.ts");
    return createPostgresLedger({ connectionString: place });
  }
  if (place.includes("://") || !place.startsWith("/"))
    throw usage("--ledger is an absolute path of a file, or a postgresql:// URL");
  if (mustExist && !existsSync(place)) {
    const message = "There is no ledger at this path; a worker with --ledger creates it";
    throw new CliError("ERR_LEDGER_NOT_FOUND", EXIT.files, message);
  }
  return createSqliteLedger(place);
}
