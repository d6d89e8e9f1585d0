import type { CommandSpec } from "../commands/command.ts";
import type { ExecutionResult, OutputChunk } from "./executor.ts";
import { type CommandProgress, NixLogReader } from "./nix-log.ts";
import { OutputTail } from "./output-tail.ts";
import { Redactor } from "./redactor.ts";
import { secretsOf } from "./secrets-of.ts";

/** How much of the readable output is kept. */
const MAX_BYTES = 64 * 1024;

/** The listeners of a command's output. */
export interface CommandListener {
  /** Texts of the host's environment that must not be shown. */
  readonly hostSecrets: readonly string[];
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
  readonly onProgress?: ((progress: CommandProgress) => void) | undefined;
  readonly onMove: () => void;
}

/**
 * Decodes output for programs into text for people and progress; other output passes through. Decoding may
 * reveal a secret, so redaction comes last.
 */
export class CommandOutput {
  readonly #listener: CommandListener;
  readonly #reader: NixLogReader | undefined;
  readonly #redactor: Redactor;
  readonly #tail = new OutputTail(MAX_BYTES);
  #streamedErrors = false;

  constructor(command: CommandSpec, listener: CommandListener) {
    this.#listener = listener;
    this.#redactor = new Redactor([...secretsOf(command), ...listener.hostSecrets]);
    if (command.logFormat === undefined) return;
    this.#reader = new NixLogReader({
      onText: (text) => this.#pass({ stream: "stderr", text: this.#redactor.push(text) }),
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
    this.#listener.onOutput?.(chunk);
  }

  /** The result as text for people. */
  finish(result: ExecutionResult): ExecutionResult {
    if (this.#reader === undefined) return result;
    // An executor of the host may not stream.
    if (!this.#streamedErrors) this.#reader.push(result.stderr);
    this.#reader.end();
    this.#pass({ stream: "stderr", text: this.#redactor.end() });
    const truncated = this.#tail.truncated || (!this.#streamedErrors && result.truncated);
    return { ...result, stderr: this.#tail.read("stderr"), truncated };
  }

  #pass(chunk: OutputChunk): void {
    if (chunk.text === "") return;
    this.#tail.push(chunk);
    this.#listener.onOutput?.(chunk);
  }
}
