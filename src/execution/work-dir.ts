import { dirname, join } from "node:path";
import type { CommandArg, CommandSpec, WorkPath } from "../commands/command.ts";
import { CommandError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import { nodeFs } from "../host/node-fs.ts";
import { toStartError } from "./host-shortage.ts";
import { PrivateHome } from "./private-home.ts";
import { removeTree } from "./remove-tree.ts";

/** The private directory of one run. */
export interface WorkDirectory {
  /** Absolute path. */
  readonly path: string;
  /** Turns an argument into text. */
  readonly resolve: (argument: CommandArg) => string;
  /** Removes the private files before it returns, then the directory; rejects if something is left. */
  readonly remove: () => Promise<void>;
  /** Removes everything before it returns, as far as possible. */
  readonly removeNow: () => void;
}

/** The parents of the directories of runs. */
export interface WorkParents {
  readonly work: string;
  /** Directory of private files in memory; absent to use the work directory. */
  readonly secrets?: string | undefined;
}

/** Linux's memory file system, by its number in statfs(2). */
const TMPFS = 0x01021994;

/** A directory in memory, if the system has one that anybody may use. */
export function findMemoryDirectory(): string | undefined {
  try {
    return nodeFs().statfsSync("/dev/shm").type === TMPFS ? "/dev/shm" : undefined;
  } catch {
    return undefined; // Other systems have none.
  }
}

/**
 * Creates a private directory (0700) with the directories and files (0600) that a command refers to. Files
 * with secrets are in memory, and the directory has links to them. If that fails, nothing is left.
 *
 * It is synchronous, like starting a process, which takes many times as long.
 *
 * @throws {@link CommandError} `ERR_COMMAND_INVALID`, `ERR_HOST_EXHAUSTED`
 */
export function createWorkDirectory(command: CommandSpec, parents: WorkParents): WorkDirectory {
  const what = `No private directory can be created in ${quoteName(parents.work, 512)}`;
  const fail = (error: unknown): CommandError => toStartError(error, what, "check its permissions");
  let work: PrivateWork | undefined;
  try {
    work = new PrivateWork(parents);
    work.fill(command);
    return work;
  } catch (error) {
    work?.removeNow();
    throw fail(error);
  }
}

class PrivateWork implements WorkDirectory {
  readonly path: string;
  readonly #home: PrivateHome;
  readonly #secretsHome: PrivateHome | undefined;
  #secretsPath: string | undefined;
  readonly #files: string[] = [];
  readonly #directories: string[] = [];
  #isRemoved = false;

  constructor({ work, secrets }: WorkParents) {
    this.#home = PrivateHome.below(work);
    this.#secretsHome = secrets === undefined ? undefined : PrivateHome.below(secrets);
    this.path = this.#home.createRun();
  }

  readonly resolve = (argument: CommandArg): string =>
    typeof argument === "string" ? argument : join(this.path, checkPath(argument));

  fill({ args, env, files }: CommandSpec): void {
    const made = new Set<string>();
    for (const value of [...args, ...env.values(), ...files.map((file) => file.path)])
      if (typeof value === "object" && "kind" in value) made.add(toDirectory(value, this.resolve(value)));
    for (const path of made) {
      nodeFs().mkdirSync(path, { recursive: true, mode: 0o700 });
      if (path !== this.path) this.#directories.push(path);
    }
    for (const { path, content } of files) this.#write(this.resolve(path), content.expose());
  }

  #write(path: string, content: string): void {
    const options = { mode: 0o600, flag: "wx" };
    this.#files.push(path);
    if (this.#secretsHome === undefined) {
      nodeFs().writeFileSync(path, content, options);
      return;
    }
    this.#secretsPath ??= this.#secretsHome.createRun();
    const inMemory = join(this.#secretsPath, String(this.#files.length));
    this.#files.push(inMemory);
    nodeFs().writeFileSync(inMemory, content, options);
    nodeFs().symlinkSync(inMemory, path);
  }

  async remove(): Promise<void> {
    if (this.#isRemoved) return;
    this.#removeSecrets();
    for (const path of this.#directories) attempt(() => nodeFs().rmdirSync(path));
    // A tool may leave much; most leave nothing.
    if (!attempt(() => nodeFs().rmdirSync(this.path))) await removeTree(this.path);
    this.#end();
  }

  removeNow(): void {
    if (this.#isRemoved) return;
    this.#removeSecrets();
    // What a tool has made unremovable is removed by the next process.
    attempt(() => nodeFs().rmSync(this.path, { recursive: true, force: true }));
    this.#end();
  }

  /** Secrets are removed first, one by one; a file that was never written is not an error. */
  #removeSecrets(): void {
    for (const path of this.#files) attempt(() => unlinkPrivate(path));
    if (this.#secretsPath === undefined) return;
    const path = this.#secretsPath;
    this.#secretsPath = undefined;
    attempt(() => nodeFs().rmSync(path, { recursive: true, force: true }));
    this.#secretsHome?.endRun();
  }

  #end(): void {
    this.#isRemoved = true;
    this.#home.endRun();
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
  nodeFs().chmodSync(dirname(file), 0o700);
  nodeFs().unlinkSync(file);
}
