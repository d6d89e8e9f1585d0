/** What a terminal shows of a program's output: enough of one for bars and coloured lines. */
export class TerminalScreen {
  readonly #lines: string[] = [""];
  #row = 0;
  #column = 0;

  /** Takes output, as it came. */
  write(output: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what a terminal reads
    for (const [piece, sequence] of output.matchAll(/\u001b\[([0-9;?]*[A-Za-z])|[\s\S]/gu))
      if (sequence !== undefined) this.#control(sequence);
      else if (piece === "\r") this.#column = 0;
      else if (piece === "\n") this.#goTo(this.#row + 1);
      else this.#put(piece);
  }

  /** The lines, without blanks at their ends. */
  get text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join("\n")
      .trimEnd();
  }

  #put(character: string): void {
    const line = (this.#lines[this.#row] ?? "").padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #goTo(row: number): void {
    this.#row = Math.max(0, row);
    while (this.#lines.length <= this.#row) this.#lines.push("");
  }

  #clearLine(): void {
    this.#lines[this.#row] = (this.#lines[this.#row] ?? "").slice(0, this.#column);
  }

  #control(sequence: string): void {
    const count = Number.parseInt(sequence, 10) || 1;
    switch (sequence.at(-1)) {
      case "A":
        this.#goTo(this.#row - count);
        break;
      case "B":
        this.#goTo(this.#row + count);
        break;
      case "D":
        this.#column = Math.max(0, this.#column - count);
        break;
      case "G":
        this.#column = count - 1;
        break;
      case "J":
        this.#lines.splice(this.#row + 1);
        this.#clearLine();
        break;
      case "K":
        this.#clearLine();
        break;
      default:
      // Colours and the cursor's own look.
    }
  }
}
