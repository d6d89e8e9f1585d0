import { batchStorePaths } from "../commands/batch.ts";
import { buildClosureCommand, type Closure, parseClosure, type Registration } from "../commands/closure.ts";
import { checkStorePaths } from "../commands/store-path.ts";
import { buildValidityCheckCommand } from "../commands/validity-check.ts";
import { PushError } from "../core/errors.ts";
import { runCommand } from "../execution/run-command.ts";
import { StagingError } from "../upload/staging-error.ts";
import { askPathInfo } from "./ask-path-info.ts";
import { listSome } from "./list-some.ts";
import type { PathSource } from "./path-source.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";

/** Longest answer to a query of closures, in UTF-16 units: some 100,000 paths. */
const MAX_ANSWER_LENGTH = 64 * 1024 * 1024;

/**
 * What the host's Nix store knows about the paths of a push. The store is asked once for all caches, when the
 * first one needs it.
 */
export class LocalStore implements PathSource {
  readonly absent: ReadonlySet<string> = new Set();
  readonly #storePaths: readonly string[];
  readonly #context: PushContext;
  #validity: Promise<void> | undefined;
  #closure: Promise<Closure> | undefined;
  #known: Closure | undefined;

  constructor(storePaths: readonly string[], context: PushContext) {
    this.#storePaths = storePaths;
    this.#context = context;
  }

  /**
   * Checks that the Nix store has every path. cachix skips missing paths and exits 0, and `nix copy` would
   * look for them elsewhere.
   *
   * @throws {@link PushError} `ERR_STORE_PATH_NOT_VALID`; `ERR_PUSH_FAILED` or `ERR_PUSH_TIMEOUT` if the
   * store did not answer
   * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
   */
  check(): Promise<void> {
    this.#validity ??= this.#askValidity();
    return this.#validity;
  }

  /** The store for some of the paths. A known closure is not queried again. */
  narrowed(storePaths: readonly string[]): LocalStore {
    const store = new LocalStore(storePaths, this.#context);
    if (this.#known === undefined) return store;
    store.#known = this.#known;
    store.#closure = Promise.resolve(this.#known);
    store.#validity = Promise.resolve();
    return store;
  }

  /**
   * The closure of the paths in the Nix store.
   *
   * @throws {@link StagingError} if the store has every path but cannot list the closure; else as
   * {@link LocalStore.check}
   */
  closure(): Promise<Closure> {
    this.#closure ??= this.#askClosure().then((closure) => {
      this.#known = closure;
      return closure;
    });
    return this.#closure;
  }

  async #askClosure(): Promise<Closure> {
    const { storeDirectory } = this.#context.host;
    const found = new Map<string, Registration>();
    for (const batch of batchStorePaths(checkStorePaths(this.#storePaths, this.#context.host))) {
      const { answer, error } = await askPathInfo(
        (namesFormat) => buildClosureCommand(batch, { storeDirectory, namesFormat }),
        this.#context,
        { maxAnswerLength: MAX_ANSWER_LENGTH },
      );
      // After a timeout or an abort, no other query is tried.
      if (error !== undefined && error.code !== "ERR_PUSH_FAILED") throw error;
      const closure =
        error === undefined && !answer.includes("[redacted]") ? parseClosure(answer) : undefined;
      if (closure === undefined || !batch.every((path) => closure.has(path))) {
        await this.check();
        throw new StagingError("The Nix store could not list the references of the paths");
      }
      for (const [path, registration] of closure) found.set(path, registration);
    }
    this.#validity ??= Promise.resolve();
    return found;
  }

  /** Everything that `nix-store` prints counts as a missing path. */
  async #askValidity(): Promise<void> {
    const { storeDirectory } = this.#context.host;
    for (const batch of batchStorePaths(checkStorePaths(this.#storePaths, this.#context.host))) {
      const command = buildValidityCheckCommand(batch, { storeDirectory });
      const { result, error } = await runCommand(command, toRunOptions(this.#context));
      if (error !== undefined || result === undefined) throw error;
      const printed = result.stdout
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");
      if (printed.length > 0 || result.truncated) throw notValid(batch, printed);
    }
  }
}

function notValid(batch: readonly string[], printed: readonly string[]): PushError {
  const invalid = batch.filter((path) => printed.includes(path));
  const names = invalid.length === 0 ? "every path" : listSome(invalid);
  const message = `The Nix store does not have ${names}; push before garbage collection, or build again`;
  return new PushError("ERR_STORE_PATH_NOT_VALID", message, invalid.length === 0 ? undefined : invalid);
}
