import { isObject, type Members, toMembers } from "../core/own-member.ts";
import { EscapeStripper } from "./escape-stripper.ts";

/**
 * Progress of a push, as its tool reports it.
 *
 * | type | told by | meaning |
 * |---|---|---|
 * | `started` | every tool | a command starts |
 * | `paths` | nix, direct uploads | how many store paths of the closure are copied, and how many will be |
 * | `bytes` | nix newer than 2.8, direct uploads | how many bytes are read for upload or sent, and how many will be |
 * | `finished` | every tool | the command ended |
 *
 * @public
 */
export type CommandProgress =
  | { readonly type: "started" | "finished" }
  | {
      readonly type: "paths" | "bytes";
      /** The number so far. */
      readonly done: number;
      /** The total, as far as it is known. */
      readonly expected: number;
    };

/** What the reader tells. */
export interface NixLogListener {
  /**
   * Text for people: lines, or parts of a long one, in order. It is decoded and not yet redacted.
   */
  readonly onText: (text: string) => void;
  readonly onProgress: (progress: CommandProgress) => void;
  /** There was progress: a step began or ended, a number grew, or a message came. */
  readonly onMove: () => void;
}

/** Something that Nix does. */
interface Activity {
  readonly type: number;
  /** Its last value. */
  lastResult: string;
  /** How many bytes of a path it has reported. */
  bytes: number;
}

// Numbers of Nix's logging.hh, the same since 2.4.
const COPY_PATH = 100;
const COPY_PATHS = 103;
const PROGRESS = 105;
const SET_EXPECTED = 106;
const INFO = 3;

const PREFIX = "@nix ";

/** Longest line that is read as an event, in UTF-16 units; Nix writes no longer ones. */
const MAX_LINE = 1024 * 1024;
/** Maximum number of activities that are followed at once; Nix has several for each connection. */
const MAX_ACTIVITIES = 10_000;
/** Longest result that is compared with the previous one. */
const MAX_RESULT = 512;

/**
 * Reads what nix prints with `--log-format internal-json`, wherever its pieces are cut. Ids are kept as text.
 * They contain the process id and exceed 2^53, where JavaScript numbers are no longer exact.
 */
export class NixLogReader {
  readonly #listener: NixLogListener;
  /** The oldest is forgotten if a tool reports more than Nix ever does. */
  readonly #activities = new Map<string, Activity>();
  #doneBytes = 0;
  #expectedBytes = 0;
  /** Own count of paths, while Nix reports none. */
  #paths: { readonly done: number; readonly expected: number } | undefined;
  /** The unfinished line, in pieces, and its length. */
  #pieces: string[] = [];
  #length = 0;
  /** Whether the line is too long to be an event, and is passed on as it arrives. */
  #isOverlong = false;

  constructor(listener: NixLogListener) {
    this.#listener = listener;
  }

  /** Takes a piece of standard error. */
  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#append(text.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#append(text.slice(start));
  }

  /** Takes the end. */
  end(): void {
    if (this.#length > 0) this.#endLine();
  }

  #append(text: string): void {
    if (text === "") return;
    this.#length += text.length;
    if (this.#isOverlong) this.#tell(text);
    else {
      this.#pieces.push(text);
      if (this.#length > MAX_LINE) {
        this.#isOverlong = true;
        this.#tell(this.#takePieces());
      }
    }
  }

  #endLine(): void {
    const wasOverlong = this.#isOverlong;
    const line = this.#takePieces();
    this.#isOverlong = false;
    this.#length = 0;
    if (wasOverlong) this.#tell("\n");
    else this.#readLine(line);
  }

  #takePieces(): string {
    const line = this.#pieces.length === 1 ? (this.#pieces[0] ?? "") : this.#pieces.join("");
    this.#pieces = [];
    return line;
  }

  #readLine(line: string): void {
    const event = line.startsWith(PREFIX) ? parseEvent(line.slice(PREFIX.length)) : undefined;
    if (event !== undefined) this.#readEvent(event);
    else if (line !== "") this.#tell(`${line}\n`);
  }

  #tell(text: string): void {
    this.#listener.onMove();
    this.#listener.onText(text);
  }

  #readEvent(event: Members): void {
    const { action, msg } = event;
    const id = toActivityId(event["id"]);
    if (action === "msg" && typeof msg === "string") {
      const text = new EscapeStripper().push(msg);
      if (text !== "") this.#tell(`${text}\n`);
    }
    if (id === undefined) return;
    if (action === "start") this.#start(id, event);
    if (action === "stop") this.#stop(id);
    if (action === "result") this.#readResult(id, event);
  }

  #stop(id: string): void {
    if (this.#activities.get(id)?.type === COPY_PATH) this.#countPath();
    this.#activities.delete(id);
    this.#listener.onMove();
  }

  #start(id: string, { type, level, text }: Members): void {
    this.#listener.onMove();
    if (typeof type === "number") this.#follow(id, type);
    const [, count] = /^copying (\d+) paths$/u.exec(type === COPY_PATHS ? String(text) : "") ?? [];
    if (count !== undefined) {
      this.#paths = { done: 0, expected: Number(count) };
      this.#listener.onProgress({ type: "paths", ...this.#paths });
    }
    if (typeof text === "string" && text !== "" && typeof level === "number" && level <= INFO)
      this.#listener.onText(`${new EscapeStripper().push(text)}...\n`);
  }

  #follow(id: string, type: number): void {
    this.#activities.set(id, { type, lastResult: "", bytes: 0 });
    if (this.#activities.size <= MAX_ACTIVITIES) return;
    for (const oldest of this.#activities.keys()) {
      this.#activities.delete(oldest);
      return;
    }
  }

  #readResult(id: string, { type, fields }: Members): void {
    const values = Array.isArray(fields) ? fields : [];
    const activity = this.#activities.get(id);
    // curl repeats the same numbers while nothing moves.
    const written = JSON.stringify([type, values]);
    if (activity !== undefined && activity.lastResult === written) return;
    this.#listener.onMove();
    if (activity === undefined) return;
    activity.lastResult = written.length <= MAX_RESULT ? written : "";
    const [first, second] = values;
    if (typeof first !== "number" || typeof second !== "number") return;
    if (type === SET_EXPECTED && activity.type === COPY_PATHS && first === COPY_PATH) {
      this.#expectedBytes = second;
      this.#tellBytes();
    }
    if (type !== PROGRESS) return;
    if (activity.type === COPY_PATHS) {
      this.#paths = undefined;
      this.#listener.onProgress({ type: "paths", done: first, expected: second });
    }
    if (activity.type !== COPY_PATH) return;
    this.#doneBytes += first - activity.bytes;
    activity.bytes = first;
    this.#tellBytes();
  }

  /**
   * Counts paths if Nix does not. Up to 2.8 it reports how many there are, and when each begins and ends.
   */
  #countPath(): void {
    if (this.#paths === undefined) return;
    const { done, expected } = this.#paths;
    this.#paths = { done: Math.min(done + 1, expected), expected };
    this.#listener.onProgress({ type: "paths", ...this.#paths });
  }

  #tellBytes(): void {
    const done = this.#doneBytes;
    this.#listener.onProgress({ type: "bytes", done, expected: Math.max(this.#expectedBytes, done) });
  }
}

/** An id is a number below 2^64; anything else is not from Nix. */
function toActivityId(id: unknown): string | undefined {
  return typeof id === "string" && /^\d{1,20}$/u.test(id) ? id : undefined;
}

function parseEvent(json: string): Members | undefined {
  if (json.length > MAX_LINE) return undefined;
  try {
    // A quote inside a text is escaped, so this pattern matches only members.
    const event: unknown = JSON.parse(json.replaceAll(/(?<=[{,])"(id|parent)":(\d+)/gu, '"$1":"$2"'));
    return isObject(event) ? toMembers(event) : undefined;
  } catch {
    return undefined;
  }
}
