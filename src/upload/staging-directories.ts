import { rm, statfs } from "node:fs/promises";
import { PrivateHome } from "../execution/private-home.ts";
import { StagingError } from "./staging-error.ts";

/** Largest share that is staged in memory, in bytes, with a page for each file. */
const MAX_MEMORY_BYTES = 16 * 1024 * 1024;
const PAGE_BYTES = 4_096;

/** Where paths are staged. */
export interface StagingParents {
  /** Absolute path of a directory on a disk. */
  readonly disk: string;
  /**
   * Absolute path of a directory in memory, for small shares; creating a file there needs no disk. Default
   * none.
   */
  readonly memory?: string | undefined;
}

/** The size of what is to be staged. */
export interface StagingDemand {
  /** How many files there will be. */
  readonly files: number;
  /** Their maximum total size. */
  readonly bytes: number;
}

/** The private directories of an upload, created when needed, on a disk and in memory. */
export class StagingDirectories implements AsyncDisposable {
  readonly #parents: StagingParents;
  readonly #opened = new Map<string, { readonly home: PrivateHome; readonly directory: string }>();

  constructor(parents: StagingParents) {
    this.#parents = parents;
  }

  /** The private directory on the disk. @throws {@link StagingError} if it cannot be created */
  openOnDisk(): string {
    try {
      return this.#open(this.#parents.disk);
    } catch {
      throw new StagingError("No private directory can be made");
    }
  }

  /** The private directory in memory; nothing if there is none, or not enough room. */
  async openInMemory({ files, bytes }: StagingDemand): Promise<string | undefined> {
    const { memory } = this.#parents;
    const needed = bytes + files * PAGE_BYTES;
    if (memory === undefined || needed > MAX_MEMORY_BYTES) return undefined;
    try {
      const { bavail, bsize } = await statfs(memory);
      // Nix first writes each NAR into a temporary file, and others stage there, too.
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
