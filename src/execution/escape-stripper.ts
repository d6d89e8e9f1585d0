const ESCAPE = "\u001b";
const BELL = "\u0007";
/** CSI as one character. */
const CONTROL_SEQUENCE = "\u009b";

/** Longest sequence that is believed; after it, text goes on. */
const MAX_LENGTH = 4096;

/** Where in a sequence the text is: outside, behind ESC, inside a control sequence, inside a string. */
type State = "text" | "escape" | "control" | "string";

/**
 * Takes terminal escape sequences (ECMA-48) out of text that comes in pieces: a colour in the middle of a secret would hide
 * it from redaction, and let it be put together again later.
 */
export class EscapeStripper {
  #state: State = "text";
  #length = 0;

  /** Takes a piece, and returns the text in it. */
  push(text: string): string {
    if (this.#state === "text" && !text.includes(ESCAPE) && !text.includes(CONTROL_SEQUENCE)) return text;
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
    switch (this.#state) {
      case "text":
        return "text";
      case "escape":
        if (character === "[") return "control";
        return /[\]PX^_]/u.test(character) ? "string" : "text";
      case "control":
        return /[ -?]/u.test(character) && this.#length < MAX_LENGTH ? "control" : "text";
      case "string":
        return character !== BELL && this.#length < MAX_LENGTH ? "string" : "text";
    }
  }
}

// What breaks a sequence off is text again.
function endsSequence(state: State, character: string): boolean {
  switch (state) {
    case "text":
      return false;
    case "escape":
      return character === "\\";
    case "control":
      return /[@-~]/u.test(character);
    case "string":
      return character === BELL;
  }
}
