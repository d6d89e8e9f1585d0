import { StringDecoder } from "node:string_decoder";
import { untilItFails } from "../core/call-listener.ts";
import { EscapeStripper } from "./escape-stripper.ts";
import type { OutputChunk } from "./executor.ts";
import { OutputTail } from "./output-tail.ts";
import { Redactor } from "./redactor.ts";

/** How much output of a run is kept, in bytes. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** What {@link OutputCapture} needs to know. */
export interface OutputCaptureOptions {
  readonly secrets: readonly string[];
  readonly onOutput?: ((chunk: OutputChunk) => void) | undefined;
  /** Called once when `onOutput` fails; then it is not called again. */
  readonly onListenerError: () => void;
}

/**
 * Takes the raw bytes of a child's output, removes colours, redacts secrets, keeps the end and passes it on.
 */
export class OutputCapture {
  readonly tail = new OutputTail(MAX_OUTPUT_BYTES);
  readonly #secrets: readonly string[];
  readonly #onOutput: ((chunk: OutputChunk) => void) | undefined;

  constructor({ secrets, onOutput, onListenerError }: OutputCaptureOptions) {
    this.#secrets = secrets;
    this.#onOutput = onOutput && untilItFails(onOutput, onListenerError);
  }

  /** Opens one of the two streams. */
  open(stream: OutputChunk["stream"]): { write(bytes: Buffer): void; end(): void } {
    const decoder = new StringDecoder("utf8");
    const stripper = new EscapeStripper();
    const redactor = new Redactor(this.#secrets);
    return {
      write: (bytes) => this.#emit({ stream, text: redactor.push(stripper.push(decoder.write(bytes))) }),
      end: () => {
        this.#emit({ stream, text: redactor.push(stripper.push(decoder.end())) });
        this.#emit({ stream, text: redactor.end() });
      },
    };
  }

  #emit(chunk: OutputChunk): void {
    if (chunk.text === "") return;
    this.tail.push(chunk);
    this.#onOutput?.(chunk);
  }
}
