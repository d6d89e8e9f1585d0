const ESCAPE = "\u001b";
const BELL = "\u0007";
/** CSI as one character, and the openers of strings. */
const CONTROL_SEQUENCE = "\u009b";
const STRING_OPENERS: ReadonlySet<string> = new Set(["\u0090", "\u0098", "\u009d", "\u009e", "\u009f"]);
/** What ends a string besides BEL: the string terminator as one character, a line break, CAN and SUB. */
const STRING_ENDS: ReadonlySet<string> = new Set([BELL, "\u009c"]);
const STRING_BREAKS: ReadonlySet<string> = new Set(["\n", "\r", "\u0018", "\u001a"]);

const INTRODUCERS: ReadonlySet<string> = new Set([ESCAPE, CONTROL_SEQUENCE, ...STRING_OPENERS]);

/** Longest sequence that is recognised; after it, text continues. */
const MAX_LENGTH = 4096;

/** The state of the parser: outside, after ESC, inside a control sequence, inside a string. */
type State = "text" | "escape" | "control" | "string";

/**
 * Removes terminal escape sequences (ECMA-48) from text that arrives in pieces. A colour in the middle of a
 * secret would hide it from redaction, and it could be put together again later.
 */
export class EscapeStripper {
  #state: State = "text";
  #length = 0;

  /** Takes a piece, and returns the text in it. */
  push(text: string): string {
    if (this.#state === "text" && ![...INTRODUCERS].some((introducer) => text.includes(introducer)))
      return text;
    let output = "";
    for (const character of text) {
      const before = this.#state;
      this.#state = this.#step(character);
      this.#length = this.#state === before ? this.#length + 1 : 0;
      const isText = this.#state === "text" && (before === "text" || !endsSequence(before, character));
      if (isText) output += character;
    }
    return output;
  }

  #step(character: string): State {
    if (character === ESCAPE) return "escape";
    if (character === CONTROL_SEQUENCE) return "control";
    if (STRING_OPENERS.has(character)) return "string";
    switch (this.#state) {
      case "text":
        return "text";
      case "escape":
        if (character === "[" && this.#length === 0) return "control";
        if (/[\]PX^_]/u.test(character) && this.#length === 0) return "string";
        return /[ -/]/u.test(character) && this.#length < MAX_LENGTH ? "escape" : "text";
      case "control":
        return /[ -?]/u.test(character) && this.#length < MAX_LENGTH ? "control" : "text";
      case "string":
        if (STRING_ENDS.has(character) || STRING_BREAKS.has(character)) return "text";
        return this.#length < MAX_LENGTH ? "string" : "text";
    }
  }
}

// What interrupts a sequence is text again.
function endsSequence(state: State, character: string): boolean {
  switch (state) {
    case "text":
      return false;
    case "escape":
      return /[0-~]/u.test(character);
    case "control":
      return /[@-~]/u.test(character);
    case "string":
      return STRING_ENDS.has(character);
  }
}
