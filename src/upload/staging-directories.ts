import { rm, statfs } from "node:fs/promises";
import { PrivateHome } from "../execution/private-home.ts";
import { StagingError } from "./staging-error.ts";

/** Most bytes of a share that is staged in memory, with a page for each file. */
const MAX_MEMORY_BYTES = 16 * 1024 * 1024;
const PAGE_BYTES = 4_096;

/** Where paths are staged. */
export interface StagingParents {
  /** Absolute path of a directory on a disk. */
  readonly disk: string;
  /**
   * Absolute path of a directory that lies in memory, for what is small: to make a file there takes no disk.
   * Default none.
   */
  readonly memory?: string | undefined;
}

/** What is to be staged. */
export interface StagingDemand {
  /** How many files there will be. */
  readonly files: number;
  /** How large they are together at most. */
  readonly bytes: number;
}

/** The private directories of an upload, made when they are needed, on a disk and in memory. */
export class StagingDirectories implements AsyncDisposable {
  readonly #parents: StagingParents;
  readonly #opened = new Map<string, { readonly home: PrivateHome; readonly directory: string }>();

  constructor(parents: StagingParents) {
    this.#parents = parents;
  }

  /** The private directory on the disk. @throws {@link StagingError} where none can be made */
  openOnDisk(): string {
    try {
      return this.#open(this.#parents.disk);
    } catch {
      throw new StagingError("No private directory can be made");
    }
  }

  /** The private directory in memory; nothing where there is none, or no room for as much. */
  async openInMemory({ files, bytes }: StagingDemand): Promise<string | undefined> {
    const { memory } = this.#parents;
    const needed = bytes + files * PAGE_BYTES;
    if (memory === undefined || needed > MAX_MEMORY_BYTES) return undefined;
    try {
      const { bavail, bsize } = await statfs(memory);
      // Nix writes each NAR into a temporary file first, and others stage there, too.
      return bavail * bsize < 4 * needed ? undefined : this.#open(memory);
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { home, directory } of this.#opened.values()) {
      try {
        await rm(directory, { recursive: true, force: true, maxRetries: 3 });
      } finally {
        home.endRun();
      }
    }
  }

  #open(parent: string): string {
    const known = this.#opened.get(parent);
    if (known !== undefined) return known.directory;
    const home = PrivateHome.below(parent);
    const opened = { home, directory: home.createRun() };
    this.#opened.set(parent, opened);
    return opened.directory;
  }
}
