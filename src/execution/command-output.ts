import type { CommandSpec } from "../commands/command.ts";
import type { ExecutionResult, OutputChunk } from "./executor.ts";
import { type CommandProgress, NixLogReader } from "./nix-log.ts";
import { OutputTail } from "./output-tail.ts";

/** How much of what people read is kept. */
const MAX_BYTES = 64 * 1024;

/** Who is told what a command prints. */
export interface CommandListener {
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
  readonly onProgress?: ((progress: CommandProgress) => void) | undefined;
  readonly onMove: () => void;
}

/** Turns what a command prints for programs into what people read and what is counted; other output passes through. */
export class CommandOutput {
  readonly #listener: CommandListener;
  readonly #reader: NixLogReader | undefined;
  readonly #tail = new OutputTail(MAX_BYTES);
  #streamedErrors = false;

  constructor({ logFormat }: CommandSpec, listener: CommandListener) {
    this.#listener = listener;
    if (logFormat === undefined) return;
    this.#reader = new NixLogReader({
      onLine: (line) => this.#pass({ stream: "stderr", text: `${line}\n` }),
      onProgress: (progress) => listener.onProgress?.(progress),
      onMove: listener.onMove,
    });
  }

  /** Takes a piece of output. */
  push(chunk: OutputChunk): void {
    if (this.#reader !== undefined && chunk.stream === "stderr") {
      this.#streamedErrors = true;
      this.#reader.push(chunk.text);
      return;
    }
    this.#listener.onMove();
    this.#pass(chunk);
  }

  /** The result in the form that people read. */
  finish(result: ExecutionResult): ExecutionResult {
    if (this.#reader === undefined) return result;
    // An executor of the host's own need not stream.
    if (!this.#streamedErrors) this.#reader.push(result.stderr);
    this.#reader.end();
    const stderr = this.#tail.read("stderr");
    return {
      ...result,
      stderr,
      truncated: this.#tail.truncated || (!this.#streamedErrors && result.truncated),
    };
  }

  #pass(chunk: OutputChunk): void {
    this.#tail.push(chunk);
    this.#listener.onOutput?.(chunk);
  }
}
