import { PushError } from "../../core/errors.ts";
import { quoteName } from "../../core/text.ts";
import type { Runtime } from "../../host/runtime.ts";
import { JournalClock } from "./journal-clock.ts";
import { type JournalSalvage, salvageJournal } from "./salvage-journal.ts";
import { openDatabase, SqliteConnection } from "./sqlite-connection.ts";
import { type Database, isBusy, isMoved, isWhole, toJournalError, transact } from "./sqlite-module.ts";
import { prepareSchema } from "./sqlite-schema.ts";

/** A journal's file, checked and upgraded. */
export interface OpenJournal {
  readonly connection: SqliteConnection;
  readonly clock: JournalClock;
}

/** How long hosts that start together wait for the one that creates or salvages the file. */
const OPENING_MS = 5_000;
/** Longest pause before the next try, in milliseconds. */
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

/** Blocks the thread, like SQLite's own wait; only at the start, when there are no timers yet. */
function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function toInUse(path: string): PushError {
  const hint =
    "stop every host that uses it, and open it again; everything readable is salvaged into a new file";
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
    // From here on, waiting does not block the thread.
    database.exec("PRAGMA busy_timeout = 0");
    return { connection: new SqliteConnection(database, path, runtime), clock };
  } catch (thrown) {
    database.close();
    const error = toJournalError(thrown, path);
    if (error.code === "ERR_JOURNAL_CORRUPT") return new Obstacle("damaged", error);
    // Another process creates the file at the same time, or has salvaged it meanwhile.
    if (isBusy(thrown)) return new Obstacle("busy", error);
    if (isMoved(thrown)) return new Obstacle("moved", error);
    throw error;
  }
}

/** Upgrades tables and clock. */
function prepare(database: Database, path: string, { clock }: Runtime): JournalClock {
  return transact(database, () => {
    prepareSchema(database, path, clock.monotonic());
    const time = new JournalClock(database, clock);
    // After a restart of the machine, its clock is adjusted to the journal's once, here.
    time.advance();
    return time;
  });
}
