import type { Server } from "node:net";
import { join } from "node:path";
import { nodeFs } from "../host/node-fs.ts";
import { HOME_PREFIX, LOCK_NAME, sweepHomes } from "./sweep-homes.ts";

/**
 * The directory (0700) of this process below a parent, with one directory for each run. It exists while
 * something runs. A killed process leaves it behind with its lock, on which nobody listens any more; the next
 * process removes it.
 */
export class PrivateHome {
  static readonly #homes = new Map<string, PrivateHome>();
  readonly #parent: string;
  #path: string | undefined;
  #lock: Server | undefined;
  #runs = 0;

  private constructor(parent: string) {
    this.#parent = parent;
  }

  /** The home below a parent. What dead processes left there is removed once, in the background. */
  static below(parent: string): PrivateHome {
    const known = PrivateHome.#homes.get(parent);
    if (known !== undefined) return known;
    const home = new PrivateHome(parent);
    PrivateHome.#homes.set(parent, home);
    void sweepHomes(parent);
    return home;
  }

  /** Creates the directory of a run; throws what the file system throws. */
  createRun(): string {
    const home = this.#open();
    try {
      const directory = nodeFs().mkdtempSync(join(home, "run-"));
      this.#runs++;
      return directory;
    } catch (error) {
      if (this.#runs === 0) this.#close();
      throw error;
    }
  }

  /** A run's directory is removed; the last one removes the home. */
  endRun(): void {
    this.#runs--;
    if (this.#runs === 0) this.#close();
  }

  #open(): string {
    // A cleaner of old files may have removed it.
    if (this.#path !== undefined && isThere(this.#path)) return this.#path;
    this.#lock?.close();
    const path = nodeFs().realpathSync(nodeFs().mkdtempSync(join(this.#parent, HOME_PREFIX)));
    this.#path = path;
    this.#lock = lock(join(path, LOCK_NAME));
    return path;
  }

  #close(): void {
    const path = this.#path;
    this.#path = undefined;
    this.#lock?.close();
    this.#lock = undefined;
    if (path === undefined) return;
    tryTo(() => nodeFs().unlinkSync(join(path, LOCK_NAME)));
    // A run that is still removing a tool's files keeps it a little longer; it is then removed with the run.
    tryTo(() => nodeFs().rmdirSync(path));
  }
}

function isThere(path: string): boolean {
  try {
    return nodeFs().lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Listens on a socket, which is bound when this returns. If the path is too long for a socket, nobody can
 * tell whether the process lives, and nobody removes what it leaves.
 */
function lock(path: string): Server | undefined {
  const net = process.getBuiltinModule("node:net");
  const server = net.createServer((connection) => connection.destroy());
  server.on("error", () => server.close());
  server.listen(path);
  server.unref();
  return server;
}

function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // A missing or non-empty directory is left to its owner.
  }
}
