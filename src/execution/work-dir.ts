import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CommandArg, CommandSpec, WorkPath } from "../commands/command.ts";
import { CommandError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";

/** The private directory of one run. */
export interface WorkDirectory {
  /** Absolute path. */
  readonly path: string;
  /** Turns an argument into text. */
  readonly resolve: (argument: CommandArg) => string;
  /** Removes the private files, then the directory; throws if something is left. */
  readonly remove: () => Promise<void>;
}

/**
 * Makes a private directory (0700) with the directories and files (0600) that a command refers to. If that fails,
 * nothing is left behind.
 *
 * It is done synchronously, as starting a process is, which takes many times as long in the same directory.
 *
 * @throws {@link CommandError} `ERR_COMMAND_INVALID`
 */
export function createWorkDirectory(command: CommandSpec, parent: string): WorkDirectory {
  const directory = open(parent);
  const resolve = (argument: CommandArg): string =>
    typeof argument === "string" ? argument : join(directory, checkPath(argument));
  const made = new Set<string>();
  try {
    const values = [...command.args, ...command.env.values(), ...command.files.map((file) => file.path)];
    for (const value of values) {
      if (typeof value === "object" && "kind" in value) made.add(toDirectory(value, resolve(value)));
    }
    for (const path of made) mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const { path, content } of command.files)
      writeFileSync(resolve(path), content.expose(), { mode: 0o600, flag: "wx" });
    return { path: directory, resolve, remove: () => removeAll(directory, made, command) };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    throw error instanceof CommandError ? error : cannotWrite(parent);
  }
}

function open(parent: string): string {
  try {
    return realpathSync(mkdtempSync(join(parent, "eka-ci-caches-")));
  } catch {
    throw cannotWrite(parent);
  }
}

function toDirectory(place: WorkPath, path: string): string {
  return place.kind === "work-directory" ? path : dirname(path);
}

function checkPath({ path }: WorkPath): string {
  const segments = path === "" ? [] : path.split("/");
  if (segments.every((segment) => /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/u.test(segment))) return path;
  throw new CommandError("ERR_COMMAND_INVALID", `${quoteName(path)} is not a path inside the work directory`);
}

async function removeAll(directory: string, made: ReadonlySet<string>, command: CommandSpec): Promise<void> {
  // The secrets go first, one by one; a file that was never written is no failure, and the rest is told by `rm`.
  for (const { path } of command.files) attempt(() => unlinkPrivate(join(directory, path.path)));
  for (const path of made) if (path !== directory) attempt(() => rmdirSync(path));
  // What a tool has left may be much; most leave nothing.
  if (!attempt(() => rmdirSync(directory)))
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}

/** Whether something could be done. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

// A tool may have made the directory read-only.
function unlinkPrivate(file: string): void {
  chmodSync(dirname(file), 0o700);
  unlinkSync(file);
}

function cannotWrite(parent: string): CommandError {
  const message = `No private directory can be made in ${quoteName(parent, 512)}; check its permissions and free space`;
  return new CommandError("ERR_COMMAND_INVALID", message);
}
