import { setMaxListeners } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BinaryCache } from "../binary-cache/binary-cache.ts";
import { canDecode, hashNar, NAR_SUFFIXES, type NarHashes } from "../binary-cache/hash-nar.ts";
import type { Narinfo } from "../binary-cache/narinfo.ts";
import { type SigningKey, toBase32Hash } from "../binary-cache/path-signature.ts";
import type { Registration } from "../commands/closure.ts";
import { DEFAULT_STORE_DIRECTORY, parseStorePath, type StorePathOptions } from "../commands/store-path.ts";
import type { PushError } from "../core/errors.ts";
import { toNix32 } from "../core/nix32.ts";
import { settleAll } from "../core/settle-all.ts";
import { Limiter } from "./limiter.ts";
import { PromotionSourceErrors } from "./promotion-source-error.ts";
import { signNarinfo } from "./sign-narinfo.ts";
import type { Share, Stage, StagedPath } from "./stage.ts";
import { StagingDirectories, type StagingParents } from "./staging-directories.ts";
import { toNarinfoText } from "./to-narinfo-text.ts";

/** How many NARs are fetched and hashed at once. */
const MAX_DOWNLOADS = 16;
/** How much larger than its NAR a compressed file may be, in bytes, besides a tenth. */
const ROOM_BYTES = 16 * 1024;
/** Paths are fetched only if the target lacks them. */
const ALSO = ", and the target also lacks it";
/** An address of a NAR in a cache; no segment leads upwards. */
const NAR_ADDRESS = /^(?=.{1,256}$)(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$/u;

/** What a stage that reads from a binary cache needs. */
export interface DownloadStageOptions extends StorePathOptions {
  readonly cache: BinaryCache;
  /** The name of the cache in errors. */
  readonly name: string;
  /** The narinfo of each path, with verified signatures. */
  readonly narinfos: ReadonlyMap<string, Narinfo>;
  readonly parents: StagingParents;
  /** Signs every path. */
  readonly signingKey?: SigningKey | undefined;
  readonly signal: AbortSignal;
}

/**
 * Downloads paths from a binary cache into files, and verifies each against its narinfo. A file is compared
 * with its hash, decompressed, and compared with the hash and size of the NAR, which are signed.
 */
export class DownloadStage implements Stage {
  readonly executions = [];
  readonly #options: DownloadStageOptions;
  readonly #errors: PromotionSourceErrors;
  readonly #directories: StagingDirectories;
  readonly #limiter = new Limiter(MAX_DOWNLOADS);
  #shares = 0;

  constructor(options: DownloadStageOptions) {
    this.#options = options;
    this.#errors = new PromotionSourceErrors(options.name);
    this.#directories = new StagingDirectories(options.parents);
  }

  /** @throws {@link PushError} `ERR_PROMOTION_SOURCE`, `ERR_PROMOTION_CORRUPT`; the signal's reason */
  async stage(registrations: readonly Registration[]): Promise<Share> {
    const directory = join(this.#directories.openOnDisk(), String(this.#shares++));
    await mkdir(directory, { mode: 0o700 });
    const discard = (): Promise<void> => rm(directory, { recursive: true, force: true });
    // If one path fails, the others of the share are not needed.
    const over = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, over.signal]);
    setMaxListeners(0, signal);
    const bringing = registrations.map(({ path }) =>
      this.#limiter
        .run(() => this.#bring(directory, path, signal))
        .catch((error: unknown) => {
          over.abort(error);
          throw error;
        }),
    );
    try {
      // The directory is removed after nothing writes into it any more.
      const paths = await settleAll(bringing);
      const { storeDirectory = DEFAULT_STORE_DIRECTORY } = this.#options;
      const cacheInfo = Buffer.from(`StoreDir: ${storeDirectory}\n`);
      return { paths, cacheInfo, [Symbol.asyncDispose]: discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directories[Symbol.asyncDispose]();
  }

  async #bring(directory: string, path: string, signal: AbortSignal): Promise<StagedPath> {
    const { narinfos, signingKey } = this.#options;
    signal.throwIfAborted();
    const said = narinfos.get(path);
    if (said === undefined) throw this.#errors.lacks(path, ALSO);
    const suffix = Object.hasOwn(NAR_SUFFIXES, said.compression) ? NAR_SUFFIXES[said.compression] : undefined;
    if (suffix === undefined || !NAR_ADDRESS.test(said.url))
      throw this.#corrupt(path, "its NAR has an unsupported address or compression");
    if (!canDecode(said.compression))
      throw this.#corrupt(path, "its NAR is compressed as zstd, which this Node.js cannot read (22.15 can)");
    const file = join(directory, `${parseStorePath(path, this.#options).hash}${suffix}`);
    const size = await this.#download(said, file, signal);
    const hashes = await this.#hash(said, file, signal);
    this.#compare(said, hashes, size, path);
    const fileHash = toNix32(hashes.fileSha256);
    const parsed: Narinfo = {
      ...said,
      url: `nar/${fileHash}${suffix}`,
      fileSha256: hashes.fileSha256.toString("hex"),
    };
    const narinfo = toNarinfoText(parsed, { fileHash, fileSize: size }, this.#options);
    return { path, nar: { path: file, size }, ...signNarinfo({ narinfo, parsed }, signingKey) };
  }

  async #download(
    { storePath, url, narSize = 0 }: Narinfo,
    file: string,
    signal: AbortSignal,
  ): Promise<number> {
    const { cache } = this.#options;
    const maxBytes = narSize + Math.ceil(narSize / 10) + ROOM_BYTES;
    const size = await cache.download(url, { path: file, maxBytes, signal }).catch((error: unknown) => {
      throw this.#errors.unread(storePath, error);
    });
    if (size === undefined) throw this.#errors.lacks(storePath, ALSO);
    return size;
  }

  #hash(
    { storePath, compression, narSize = 0 }: Narinfo,
    file: string,
    signal: AbortSignal,
  ): Promise<NarHashes> {
    return hashNar(file, { compression, maxBytes: narSize, signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      // This is a problem here, not at the source.
      if (error instanceof TypeError) throw error;
      throw this.#corrupt(storePath, `its file cannot be decompressed as ${compression}`);
    });
  }

  #compare(said: Narinfo, hashes: NarHashes, size: number, path: string): void {
    const { fileSha256, narSha256, narSize, fileSize } = hashes;
    const isFile = said.fileSha256 === undefined || said.fileSha256 === fileSha256.toString("hex");
    const isNar = narSize === said.narSize && toBase32Hash(said.narHash) === toNix32(narSha256);
    // Data after the end of the compressed NAR was not read.
    if (isFile && isNar && fileSize === size) return;
    throw this.#corrupt(path, "its NAR does not match its narinfo");
  }

  #corrupt(path: string, why: string): PushError {
    return this.#errors.corrupt(`does not hold ${path} as it was signed: ${why}`, [path]);
  }
}
