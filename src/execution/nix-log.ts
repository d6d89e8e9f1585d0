import { isObject, type Members, toMembers } from "../core/own-member.ts";
import { EscapeStripper } from "./escape-stripper.ts";

/**
 * How far a push is, as its tool tells.
 *
 * | type | told by | meaning |
 * |---|---|---|
 * | `started` | every tool | a command begins |
 * | `paths` | nix | how many store paths of the closure are copied, and how many will be |
 * | `bytes` | nix, newer than 2.8 | how many bytes of them are read for upload, and how many will be |
 * | `finished` | every tool | the command ended, well or not |
 *
 * @public
 */
export type CommandProgress =
  | { readonly type: "started" | "finished" }
  | {
      readonly type: "paths" | "bytes";
      /** So many so far. */
      readonly done: number;
      /** So many in all, as far as is known. */
      readonly expected: number;
    };

/** What the reader tells. */
export interface NixLogListener {
  /** A line for people. */
  readonly onLine: (line: string) => void;
  readonly onProgress: (progress: CommandProgress) => void;
  /** Something moved: a step began or ended, a number grew, a message came. */
  readonly onMove: () => void;
}

// Numbers of Nix's logging.hh, the same since 2.4.
const COPY_PATH = 100;
const COPY_PATHS = 103;
const PROGRESS = 105;
const SET_EXPECTED = 106;
const INFO = 3;

const PREFIX = "@nix ";

/** Longest line that is read as an event; a longer one is nothing that Nix writes. */
const MAX_LINE = 1024 * 1024;

/**
 * Reads what nix prints with `--log-format internal-json`, wherever its pieces are cut. Ids are kept as text: they are made of the
 * process id and exceed 2^53, where numbers of JavaScript run into each other.
 */
export class NixLogReader {
  readonly #listener: NixLogListener;
  readonly #types = new Map<string, number>();
  readonly #fields = new Map<string, string>();
  readonly #bytes = new Map<string, number>();
  #doneBytes = 0;
  #expectedBytes = 0;
  /** Own count of paths, as long as nix tells none. */
  #paths: { readonly done: number; readonly expected: number } | undefined;
  #rest = "";

  constructor(listener: NixLogListener) {
    this.#listener = listener;
  }

  /** Takes a piece of standard error. */
  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const line of lines) this.#readLine(line);
  }

  /** Takes the end. */
  end(): void {
    if (this.#rest !== "") this.#readLine(this.#rest);
    this.#rest = "";
  }

  #readLine(line: string): void {
    const event = line.startsWith(PREFIX) ? parseEvent(line.slice(PREFIX.length)) : undefined;
    if (event === undefined) this.#tell(line);
    else this.#readEvent(event);
  }

  #tell(line: string): void {
    if (line === "") return;
    this.#listener.onMove();
    this.#listener.onLine(line);
  }

  #readEvent(event: Members): void {
    const id = String(event["id"]);
    switch (event["action"]) {
      case "msg":
        this.#tell(toPlainText(String(event["msg"])));
        break;
      case "start":
        this.#start(id, event);
        break;
      case "stop":
        if (this.#types.get(id) === COPY_PATH) this.#countPath();
        this.#types.delete(id);
        this.#fields.delete(id);
        this.#listener.onMove();
        break;
      case "result":
        this.#readResult(id, event);
        break;
    }
  }

  #start(id: string, { type, level, text }: Members): void {
    if (typeof type === "number") this.#types.set(id, type);
    this.#listener.onMove();
    const [, count] = /^copying (\d+) paths$/u.exec(type === COPY_PATHS ? String(text) : "") ?? [];
    if (count !== undefined) {
      this.#paths = { done: 0, expected: Number(count) };
      this.#listener.onProgress({ type: "paths", ...this.#paths });
    }
    if (typeof text === "string" && text !== "" && typeof level === "number" && level <= INFO)
      this.#listener.onLine(`${text}...`);
  }

  #readResult(id: string, { type, fields }: Members): void {
    const values = Array.isArray(fields) ? fields : [];
    // curl reports the same numbers again and again while nothing moves.
    const written = JSON.stringify([type, values]);
    if (this.#fields.get(id) === written) return;
    this.#fields.set(id, written);
    this.#listener.onMove();
    const activity = this.#types.get(id);
    const [first, second] = values;
    if (typeof first !== "number" || typeof second !== "number") return;
    if (type === SET_EXPECTED && activity === COPY_PATHS && first === COPY_PATH) {
      this.#expectedBytes = second;
      this.#tellBytes();
    }
    if (type !== PROGRESS) return;
    if (activity === COPY_PATHS) {
      this.#paths = undefined;
      this.#listener.onProgress({ type: "paths", done: first, expected: second });
    }
    if (activity !== COPY_PATH) return;
    this.#doneBytes += first - (this.#bytes.get(id) ?? 0);
    this.#bytes.set(id, first);
    this.#tellBytes();
  }

  /** Counts paths where nix does not: up to 2.8 it tells how many there are, and when each begins and ends. */
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

/**
 * Takes terminal sequences out of a message. Between two letters a space takes their place: what was redacted before this text was
 * put together must not be put together here.
 */
function toPlainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  const parted = text.replaceAll(/(?<=\w)\u001b\[[0-9;]*m(?=\w)/gu, " ");
  return new EscapeStripper().push(parted);
}

function parseEvent(json: string): Members | undefined {
  if (json.length > MAX_LINE) return undefined;
  try {
    // A quote inside a text is escaped, so this pattern meets members only.
    const event: unknown = JSON.parse(json.replaceAll(/(?<=[{,])"(id|parent)":(\d+)/gu, '"$1":"$2"'));
    return isObject(event) ? toMembers(event) : undefined;
  } catch {
    return undefined;
  }
}
