import type { Registration } from "../commands/closure.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { Share, Stage } from "./stage.ts";
import { toShares } from "./to-shares.ts";

/** What a stager needs. */
export interface ShareStagerOptions {
  /** Writes paths into files. Its creator disposes it, after this. */
  readonly stage: Stage;
  /** How many bytes of uncompressed NARs are staged together. */
  readonly shareBytes: number;
}

/** Stages paths, one share ahead of the one that is sent. */
export class ShareStager implements AsyncDisposable {
  readonly #options: ShareStagerOptions;
  #early: { readonly paths: ReadonlySet<string>; readonly share: Promise<Share> } | undefined;

  constructor(options: ShareStagerOptions) {
    this.#options = options;
  }

  /** The results of the staging commands. */
  get executions(): readonly ExecutionResult[] {
    return this.#options.stage.executions;
  }

  /**
   * Starts with paths that the cache probably lacks, while it is asked for them. At most one share is written
   * unnecessarily.
   */
  prepare(registrations: readonly Registration[]): void {
    const [first, ...others] = toShares(registrations, this.#options.shareBytes);
    if (first === undefined || others.length > 0) return;
    const share = this.#stage(first);
    // Its user handles its failure.
    share.catch(() => undefined);
    this.#early = { paths: new Set(first.map(({ path }) => path)), share };
  }

  /**
   * Stages paths, leaves first. A share is disposed when the next one is requested.
   *
   * @throws {@link StagingError} if Nix cannot write them; the push error of a command that was ended
   */
  async *stage(registrations: readonly Registration[]): AsyncGenerator<Share, void, void> {
    const shares = toShares(registrations, this.#options.shareBytes);
    const early = await this.#takeEarly(registrations);
    let staging = early === undefined ? shares[0] && this.#stage(shares[0]) : Promise.resolve(early);
    try {
      for (let index = 0; staging !== undefined; index++) {
        await using share: Share = await staging;
        const next = shares[index + 1];
        staging = next && this.#stage(next);
        // Its user handles its failure; the previous share may fail first.
        staging?.catch(() => undefined);
        yield share;
      }
    } finally {
      await dispose(staging);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await dispose(this.#early?.share);
  }

  async #stage(registrations: readonly Registration[]): Promise<Share> {
    return this.#options.stage.stage(registrations);
  }

  /** The share that was started early, if it has all that is missing. */
  async #takeEarly(registrations: readonly Registration[]): Promise<Share | undefined> {
    const early = this.#early;
    this.#early = undefined;
    if (early === undefined) return undefined;
    const missing = new Set(registrations.map(({ path }) => path));
    if (registrations.length > 0 && registrations.every(({ path }) => early.paths.has(path))) {
      const share = await early.share.catch((error: unknown) => {
        // It may have failed because of a path that is not missing.
        if (missing.size === early.paths.size) throw error;
        return undefined;
      });
      return share && { ...share, paths: share.paths.filter(({ path }) => missing.has(path)) };
    }
    await dispose(early.share);
    return undefined;
  }
}

async function dispose(share: Promise<Share> | undefined): Promise<void> {
  await share?.then((staged) => staged[Symbol.asyncDispose]()).catch(() => undefined);
}
