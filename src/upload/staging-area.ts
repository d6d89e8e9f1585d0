import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseNarinfo } from "../binary-cache/narinfo.ts";
import type { SigningKey } from "../binary-cache/path-signature.ts";
import { batchStorePaths } from "../commands/batch.ts";
import type { Registration } from "../commands/closure.ts";
import { buildStagingCommand } from "../commands/staging.ts";
import { parseStorePath, type StorePathOptions } from "../commands/store-path.ts";
import type { StoreParameter } from "../core/cache.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import { type RunCommandOptions, runCommand } from "../execution/run-command.ts";
import { signNarinfo } from "./sign-narinfo.ts";
import type { Share, Stage, StagedPath } from "./stage.ts";
import { StagingDirectories, type StagingParents } from "./staging-directories.ts";
import { StagingError } from "./staging-error.ts";

/** A path's narinfo, NAR and listing. */
const FILES_OF_PATH = 3;
/** Where Nix first writes NARs. */
const TEMPORARY = "tmp";

/** What a staging area needs. */
export interface StagingAreaOptions extends StorePathOptions {
  readonly parents: StagingParents;
  readonly parameters: readonly StoreParameter[];
  /** Signs every path. */
  readonly signingKey?: SigningKey | undefined;
  /** Limits of the next command. */
  readonly toOptions: () => RunCommandOptions;
}

/**
 * A private directory in which Nix writes narinfos and NARs. If the process is killed, the next one removes
 * it.
 */
export class StagingArea implements Stage {
  readonly executions: ExecutionResult[] = [];
  readonly #options: StagingAreaOptions;
  readonly #directories: StagingDirectories;
  #shares = 0;

  constructor(options: StagingAreaOptions) {
    this.#options = options;
    this.#directories = new StagingDirectories(options.parents);
  }

  /**
   * Stages some paths. Their references need not be there: Nix gets an empty narinfo for each.
   *
   * @throws {@link StagingError} if Nix cannot write them; the push error of a command that was ended
   */
  async stage(registrations: readonly Registration[]): Promise<Share> {
    const own = new Set(registrations.map(({ path }) => path));
    const references = new Set(registrations.flatMap((registration) => registration.references));
    const seeds = [...references].filter((path) => !own.has(path));
    const memory = await this.#directories.openInMemory({
      files: seeds.length + FILES_OF_PATH * registrations.length,
      bytes: registrations.reduce((bytes, { narSize }) => bytes + narSize, 0),
    });
    if (memory !== undefined) {
      try {
        return await this.#stageIn(memory, registrations, seeds);
      } catch (error) {
        // The memory may have become scarce.
        if (!(error instanceof StagingError)) throw error;
      }
    }
    return this.#stageIn(this.#directories.openOnDisk(), registrations, seeds);
  }

  async #stageIn(
    parent: string,
    registrations: readonly Registration[],
    seeds: readonly string[],
  ): Promise<Share> {
    const directory = join(parent, String(this.#shares++));
    await mkdir(join(directory, TEMPORARY), { mode: 0o700, recursive: true }).catch(toStagingError);
    await this.#writeSeeds(directory, seeds);
    const own = registrations.map(({ path }) => path);
    for (const batch of batchStorePaths(own)) await this.#run(directory, batch);
    const paths = await Promise.all(registrations.map(({ path }) => this.#read(directory, path))).catch(
      toStagingError,
    );
    const cacheInfo = await readFile(join(directory, "nix-cache-info")).catch(toStagingError);
    return {
      ...{ paths, cacheInfo },
      [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directories[Symbol.asyncDispose]();
  }

  async #writeSeeds(directory: string, references: readonly string[]): Promise<void> {
    const seeds = references.map((path) => {
      const { hash } = parseStorePath(path, this.#options);
      return writeFile(join(directory, `${hash}.narinfo`), toSeed(path));
    });
    await Promise.all(seeds).catch(toStagingError);
  }

  async #run(directory: string, paths: readonly string[]): Promise<void> {
    const { parameters, storeDirectory, toOptions } = this.#options;
    const options = toOptions();
    const progress = options.onMove !== undefined;
    const command = buildStagingCommand(paths, {
      ...{ directory, parameters, progress, storeDirectory },
      temporaryDirectory: join(directory, TEMPORARY),
    });
    const { result, error } = await runCommand(command, options);
    if (result !== undefined) this.executions.push(result);
    if (error === undefined) return;
    if (error.code !== "ERR_PUSH_FAILED") throw error;
    throw new StagingError("Nix does not write the paths into a directory");
  }

  async #read(directory: string, path: string): Promise<StagedPath> {
    const { hash } = parseStorePath(path, this.#options);
    const narinfo = await readFile(join(directory, `${hash}.narinfo`));
    const parsed = parseNarinfo(narinfo.toString("utf8"));
    // Nix names the file; it must be where Nix was told to write.
    if (parsed?.storePath !== path || !/^nar\/[A-Za-z0-9][A-Za-z0-9._-]*$/u.test(parsed.url))
      throw new StagingError("Nix wrote an invalid narinfo");
    const nar = join(directory, parsed.url);
    const listing = join(directory, `${hash}.ls`);
    const listingSize = await stat(listing).then(
      ({ size }) => size,
      () => undefined,
    );
    const signed = signNarinfo({ narinfo, parsed }, this.#options.signingKey);
    return {
      ...{ path, ...signed },
      nar: { path: nar, size: (await stat(nar)).size },
      listing: listingSize === undefined ? undefined : { path: listing, size: listingSize },
    };
  }
}

function toSeed(path: string): string {
  const hash = "0".repeat(52);
  const lines = [
    `StorePath: ${path}`,
    ...["URL: nar/seed", "Compression: none", `NarHash: sha256:${hash}`, "NarSize: 1", "References: "],
  ];
  return `${lines.join("\n")}\n`;
}

function toStagingError(error: unknown): never {
  if (error instanceof StagingError) throw error;
  throw new StagingError("The files that nix wrote cannot be read");
}
