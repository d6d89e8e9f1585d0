import { existsSync } from "node:fs";
import { createSqliteJournal, type PushJournal } from "../index.ts";
import { CliError, EXIT, usage } from "./exit-codes.ts";

/**
 * Opens a journal: a file, or a server by its URL.
 *
 * @param options - whether the file must exist; for a command that needs an existing journal, a missing file
 * is a mistyped name
 */
export async function openJournal(
  place: string,
  { mustExist = false }: { readonly mustExist?: boolean | undefined } = {},
): Promise<PushJournal> {
  if (/^postgres(?:ql)?:\/\//u.test(place)) {
    const { createPostgresJournal } = await import("../postgres/index.ts");
    return createPostgresJournal({ connectionString: place });
  }
  if (place.includes("://")) throw usage("--journal is an absolute path of a file, or a postgresql:// URL");
  if (!place.startsWith("/")) throw usage("--journal FILE is an absolute path");
  if (mustExist && !existsSync(place)) {
    const message = "There is no journal at this path; a queue or `eka-caches queue add` creates it";
    throw new CliError("ERR_JOURNAL_NOT_FOUND", EXIT.files, message);
  }
  return createSqliteJournal(place);
}
