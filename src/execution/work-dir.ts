import { chmod, mkdir, mkdtemp, realpath, rm, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CommandArg, CommandSpec, WorkPath } from "../commands/command.ts";
import { CommandError } from "../errors.ts";
import { quoteName } from "../text.ts";

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
 * @throws {@link CommandError} `ERR_COMMAND_INVALID`
 */
export async function createWorkDirectory(command: CommandSpec, parent: string): Promise<WorkDirectory> {
  const directory = await open(parent);
  const resolve = (argument: CommandArg): string =>
    typeof argument === "string" ? argument : join(directory, checkPath(argument));
  const remove = (): Promise<void> => removeAll(directory, command);
  try {
    const values = [...command.args, ...command.env.values(), ...command.files.map((file) => file.path)];
    for (const value of values) {
      if (typeof value === "object" && "kind" in value) await makeDirectory(value, resolve(value));
    }
    for (const file of command.files) {
      await writeFile(resolve(file.path), file.content.expose(), { mode: 0o600, flag: "wx" });
    }
    return { path: directory, resolve, remove };
  } catch (error) {
    await remove();
    throw error instanceof CommandError ? error : cannotWrite(parent);
  }
}

async function open(parent: string): Promise<string> {
  try {
    return await realpath(await mkdtemp(join(parent, "eka-ci-caches-")));
  } catch {
    throw cannotWrite(parent);
  }
}

async function makeDirectory(place: WorkPath, path: string): Promise<void> {
  await mkdir(place.kind === "work-directory" ? path : dirname(path), { recursive: true, mode: 0o700 });
}

function checkPath({ path }: WorkPath): string {
  const segments = path === "" ? [] : path.split("/");
  if (segments.every((segment) => /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/u.test(segment))) return path;
  throw new CommandError("ERR_COMMAND_INVALID", `${quoteName(path)} is not a path inside the work directory`);
}

async function removeAll(directory: string, command: CommandSpec): Promise<void> {
  // The secrets go first, one by one; a file that was never written is no failure, and the rest is told by `rm`.
  await Promise.allSettled(command.files.map((file) => unlinkPrivate(join(directory, file.path.path))));
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}

// A tool may have made the directory read-only.
async function unlinkPrivate(file: string): Promise<void> {
  await chmod(dirname(file), 0o700);
  await unlink(file);
}

function cannotWrite(parent: string): CommandError {
  const message = `No private directory can be made in ${quoteName(parent, 512)}; check its permissions and free space`;
  return new CommandError("ERR_COMMAND_INVALID", message);
}
