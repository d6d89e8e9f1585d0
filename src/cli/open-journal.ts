import { createSqliteJournal, type PushJournal } from "../index.ts";
import { usage } from "./exit-codes.ts";

/** Opens a journal: a file, or a server by its URL. */
export async function openJournal(place: string): Promise<PushJournal> {
  if (/^postgres(?:ql)?:\/\//u.test(place)) {
    const { createPostgresJournal } = await import("../postgres/index.ts");
    return createPostgresJournal({ connectionString: place });
  }
  if (place.includes("://")) throw usage("--journal is an absolute path of a file, or a postgresql:// URL");
  if (!place.startsWith("/")) throw usage("--journal FILE is an absolute path");
  return createSqliteJournal(place);
}
