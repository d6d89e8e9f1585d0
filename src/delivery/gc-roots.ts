import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { batchStorePaths } from "../commands/batch.ts";
import { type CommandSpec, privateHome } from "../commands/command.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import { CommandError, PushError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import type { ExecutionResult, Executor } from "../execution/executor.ts";

/**
 * Protects store paths from the garbage collector while they wait.
 *
 * @example
 * ```ts
 * const none: GcRoots = { hold: async () => {}, release: async () => {} };
 * ```
 *
 * @public
 */
export interface GcRoots {
  /**
   * Protects paths until their holder releases them.
   *
   * @throws {@link PushError} `ERR_STORE_PATH_NOT_VALID` for paths that the store does not have (any more),
   * `ERR_GC_ROOT_FAILED` for anything else
   */
  hold(holder: string, storePaths: readonly string[]): Promise<void>;
  /** Releases all paths of a holder. */
  release(holder: string): Promise<void>;
}

/**
 * Options of {@link createGcRoots}.
 *
 * @example
 * ```ts
 * const options: GcRootsOptions = { directory: "/var/lib/eka-ci/gcroots", executor };
 * ```
 *
 * @public
 */
export interface GcRootsOptions {
  /** Absolute path of a directory of the host, created if needed. The links in it are the roots. */
  readonly directory: string;
  /** Runs `nix-store`; usually {@link createProcessExecutor}. */
  readonly executor: Executor;
  /** The store's directory; default `/nix/store`. */
  readonly storeDirectory?: string | undefined;
}

/** How long nix-store may take to create a root. */
const TIMEOUT_MS = 60_000;

/**
 * Creates indirect roots with `nix-store --add-root`, for a host that runs its queue beside the store.
 *
 * @param options - the directory of the links, and what runs nix-store
 *
 * @example
 * ```ts
 * const gcRoots = createGcRoots({ directory: "/var/lib/eka-ci/gc-roots", executor: createProcessExecutor() });
 * const queue = new PushQueue(registry, { gcRoots });
 * ```
 *
 * @public
 */
export function createGcRoots({ directory, executor, storeDirectory }: GcRootsOptions): GcRoots {
  const nameOf = (holder: string): string => {
    if (/^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/u.test(holder)) return holder;
    throw new CommandError(
      "ERR_COMMAND_INVALID",
      "The holder of garbage collector roots has an invalid name",
    );
  };
  return {
    hold: async (holder, storePaths) => {
      const name = nameOf(holder);
      const checked = checkStorePaths(storePaths, { storeDirectory });
      await withDirectory(directory, () => mkdir(directory, { recursive: true }));
      for (const [index, batch] of batchStorePaths(checked).entries()) {
        const command = buildAddRoot(join(directory, `${name}+${index}`), batch);
        const result = await executor.execute(command, { timeoutMs: TIMEOUT_MS });
        if (result.outcome !== "succeeded") throw toHoldError(result);
      }
    },
    release: async (holder) => {
      const prefix = `${nameOf(holder)}+`;
      await withDirectory(directory, async () => {
        const links = (await readdir(directory)).filter((link) => link.startsWith(prefix));
        await Promise.all(links.map((link) => rm(join(directory, link), { force: true })));
      });
    },
  };
}

/** What nix-store prints about missing paths. */
const NOT_HELD =
  /\bdon't know how to build these paths\b|\bis not valid\b|\bdoes not exist and cannot be created\b/u;

/** A missing path stays missing; a daemon that is away or slow may come back. */
function toHoldError(result: ExecutionResult): PushError {
  if (result.outcome === "failed" && NOT_HELD.test(result.stderr)) {
    const message =
      "The Nix store does not have every path, so none is protected; enqueue before garbage collection, or build again";
    return new PushError("ERR_STORE_PATH_NOT_VALID", message);
  }
  const why = result.outcome === "timed-out" ? "nix-store did not end in time" : "nix-store failed";
  const said = quoteName(result.stderr.trim().split("\n").at(-1) ?? "", 300);
  return new PushError(
    "ERR_GC_ROOT_FAILED",
    `${why}, so the paths are not protected from the garbage collector: ${said}`,
  );
}

/** Uses the directory of the links. The system's own error is not passed on. */
async function withDirectory<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    const message = `The links that protect paths cannot be written to ${quoteName(directory, 512)}${code}; make it a directory of this user`;
    throw new PushError("ERR_GC_ROOT_FAILED", message);
  }
}

function buildAddRoot(link: string, storePaths: readonly string[]): CommandSpec {
  const passive = ["--option", "substitute", "false", "--option", "builders", "", "--max-jobs", "0"];
  const args = ["--realise", "--add-root", link, ...passive, "--", ...storePaths];
  return { file: "nix-store", args, env: privateHome(), files: [] };
}
