import { PushError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import type { Runtime } from "../../host/runtime.ts";
import { JournalClock } from "./journal-clock.ts";
import { type JournalSalvage, salvageJournal } from "./salvage-journal.ts";
import { openDatabase, SqliteConnection } from "./sqlite-connection.ts";
import { type Database, isBusy, isMoved, isWhole, toJournalError, transact } from "./sqlite-module.ts";
import { prepareSchema } from "./sqlite-schema.ts";

/** A journal's file, checked and up to date. */
export interface OpenJournal {
  readonly connection: SqliteConnection;
  readonly clock: JournalClock;
}

/** How long hosts that start together wait for the one that makes the file, or salvages it. */
const OPENING_MS = 5_000;
/** Longest rest before the next try, in milliseconds. */
const LONGEST_REST_MS = 100;

/**
 * Opens a file, and salvages it first if it is damaged.
 *
 * @throws {@link PushError} `ERR_JOURNAL_FAILED`, `ERR_JOURNAL_CORRUPT`
 */
export function openJournal(
  path: string,
  runtime: Runtime,
  onSalvage: ((salvage: JournalSalvage) => void) | undefined,
): OpenJournal {
  const { clock, random } = runtime;
  const deadline = clock.monotonic() + OPENING_MS;
  for (;;) {
    const opened = tryOpen(path, runtime);
    if (!(opened instanceof Obstacle)) return opened;
    if (opened.kind === "moved") continue;
    let { error } = opened;
    if (opened.kind === "damaged") {
      const salvage = salvageJournal(path, clock.monotonic());
      if (typeof salvage === "object") tellSalvage(salvage, runtime, onSalvage);
      if (salvage !== "in use") continue;
      error = toInUse(path);
    }
    if (clock.monotonic() >= deadline) throw error;
    blockFor(1 + random.fraction() * LONGEST_REST_MS);
  }
}

/** Holds the thread, as SQLite's own waiting does: at the start, when nothing is timed yet. */
function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function toInUse(path: string): PushError {
  const hint =
    "stop every host that uses it, and open it again: what can be read is salvaged into a new file";
  return new PushError(
    "ERR_JOURNAL_CORRUPT",
    `The journal ${quoteName(path, 512)} is damaged, and in use: ${hint}`,
  );
}

function tellSalvage(
  salvage: JournalSalvage,
  { warn }: Runtime,
  onSalvage: ((salvage: JournalSalvage) => void) | undefined,
): void {
  const { damagedFile, kept, lost } = salvage;
  const message = `The journal was damaged: ${kept} deliveries were kept, at most ${lost} were lost; see ${damagedFile}`;
  if (onSalvage === undefined) warn(message);
  else onSalvage(salvage);
}

/** Why a file is not open yet. */
class Obstacle {
  readonly kind: "busy" | "damaged" | "moved";
  readonly error: PushError;

  constructor(kind: Obstacle["kind"], error: PushError) {
    this.kind = kind;
    this.error = error;
  }
}

function tryOpen(path: string, runtime: Runtime): OpenJournal | Obstacle {
  const database = openDatabase(path);
  try {
    database.exec("PRAGMA journal_mode = WAL");
    if (!isWhole(database))
      throw new PushError("ERR_JOURNAL_CORRUPT", `The journal ${quoteName(path, 512)} is damaged`);
    const clock = prepare(database, path, runtime);
    // From here on waiting is done without the thread.
    database.exec("PRAGMA busy_timeout = 0");
    return { connection: new SqliteConnection(database, path, runtime), clock };
  } catch (thrown) {
    database.close();
    const error = toJournalError(thrown, path);
    if (error.code === "ERR_JOURNAL_CORRUPT") return new Obstacle("damaged", error);
    // Another process makes the file at the same time, or has salvaged it while this one waited.
    if (isBusy(thrown)) return new Obstacle("busy", error);
    if (isMoved(thrown)) return new Obstacle("moved", error);
    throw error;
  }
}

/** Brings tables and clock up to date. */
function prepare(database: Database, path: string, { clock }: Runtime): JournalClock {
  return transact(database, () => {
    prepareSchema(database, path, clock.monotonic());
    const time = new JournalClock(database, clock);
    // Where the machine was started anew, its clock is fitted to the journal's once, now.
    time.advance();
    return time;
  });
}
