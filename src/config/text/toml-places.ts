import { addMember, type GrowingPlace, leafPlace, type Span, type TextPlaces, tablePlace } from "./place.ts";

interface KeyPart {
  readonly name: string;
  readonly span: Span;
}

/**
 * Finds the place of each key and value of a TOML text. The parser does not report places, so this walks the
 * text afterwards. It relies on the text being valid.
 *
 * @param text - TOML that the parser accepted
 * @param decodeKey - decodes a quoted key with escapes
 */
export function findTomlPlaces(text: string, decodeKey: (quoted: string) => string): TextPlaces {
  return new TomlWalker(text, decodeKey).walk();
}

class TomlWalker {
  readonly #text: string;
  readonly #decodeKey: (quoted: string) => string;
  readonly #keyEnds = new Map<number, number>();
  readonly #root: GrowingPlace = { members: new Map() };
  /** Arrays that `[[headers]]` build; a path through one leads to its last element. */
  readonly #tableArrays = new Set<GrowingPlace>();
  #offset = 0;

  constructor(text: string, decodeKey: (quoted: string) => string) {
    this.#text = text;
    this.#decodeKey = decodeKey;
  }

  walk(): TextPlaces {
    let table = this.#root;
    if (this.#text.startsWith("\ufeff")) this.#offset = 1;
    for (this.#skipBlank(); this.#offset < this.#text.length; this.#skipBlank()) {
      if (this.#text[this.#offset] === "[") table = this.#readHeader();
      else this.#readEntry(table);
    }
    return { root: this.#root, keyEnds: this.#keyEnds };
  }

  #readHeader(): GrowingPlace {
    const brackets = this.#text.startsWith("[[", this.#offset) ? 2 : 1;
    this.#offset += brackets;
    const parts = this.#readKey();
    this.#skipBlank();
    this.#offset += brackets;
    const last = parts.pop();
    const parent = parts.reduce((table, part) => this.#descend(table, part), this.#root);
    if (last === undefined) return parent;
    return brackets === 1 ? this.#openTable(parent, last) : this.#appendTable(parent, last);
  }

  #openTable(parent: GrowingPlace, part: KeyPart): GrowingPlace {
    const table = this.#descend(parent, part);
    table.key = part.span;
    return table;
  }

  #appendTable(parent: GrowingPlace, part: KeyPart): GrowingPlace {
    const array = this.#member(parent, part);
    this.#tableArrays.add(array);
    const element = tablePlace(part.span);
    addMember(array, array.members.size, element);
    return element;
  }

  #descend(table: GrowingPlace, part: KeyPart): GrowingPlace {
    const member = this.#member(table, part);
    if (!this.#tableArrays.has(member)) return member;
    return member.members.get(member.members.size - 1) ?? member;
  }

  #member(table: GrowingPlace, { name, span }: KeyPart): GrowingPlace {
    const known = table.members.get(name);
    if (known !== undefined) return known;
    const member = tablePlace(span);
    addMember(table, name, member);
    return member;
  }

  #readEntry(table: GrowingPlace): void {
    const parts = this.#readKey();
    this.#offset++; // =
    this.#skipSpace();
    const last = parts.pop();
    const parent = parts.reduce((inner, part) => this.#member(inner, part), table);
    const value = this.#readValue();
    if (last !== undefined) addMember(parent, last.name, { ...value, key: last.span });
  }

  #readKey(): KeyPart[] {
    const parts: KeyPart[] = [];
    for (;;) {
      this.#skipSpace();
      parts.push(this.#readKeyPart());
      this.#skipSpace();
      if (this.#text[this.#offset] !== ".") return parts;
      this.#offset++;
    }
  }

  #readKeyPart(): KeyPart {
    const start = this.#offset;
    const quote = this.#text[start];
    if (quote === '"' || quote === "'") this.#skipString(quote);
    else this.#skipUntil(" \t.=]\r\n");
    this.#keyEnds.set(start, this.#offset);
    const raw = this.#text.slice(start, this.#offset);
    const isQuoted = quote === '"' || quote === "'";
    const name = !isQuoted ? raw : raw.includes("\\") ? this.#decodeKey(raw) : raw.slice(1, -1);
    return { name, span: { start, end: this.#offset } };
  }

  #readValue(): GrowingPlace {
    const start = this.#offset;
    const first = this.#text[start];
    if (first === "[") return this.#readArray(start);
    if (first === "{") return this.#readInlineTable(start);
    if (first === '"' || first === "'") this.#skipString(first);
    else this.#skipScalar();
    return leafPlace({ start, end: this.#offset });
  }

  #readArray(start: number): GrowingPlace {
    const members = new Map<number, GrowingPlace>();
    this.#offset++;
    while (!this.#closes("]")) members.set(members.size, this.#readValue());
    return { value: { start, end: this.#offset }, members };
  }

  #readInlineTable(start: number): GrowingPlace {
    const table: GrowingPlace = { members: new Map() };
    this.#offset++;
    while (!this.#closes("}")) this.#readEntry(table);
    table.value = { start, end: this.#offset };
    return table;
  }

  /** Skips to the next element. Returns whether there is none. */
  #closes(bracket: "]" | "}"): boolean {
    this.#skipBlank();
    if (this.#text[this.#offset] === ",") {
      this.#offset++;
      this.#skipBlank();
    }
    if (this.#offset < this.#text.length && this.#text[this.#offset] !== bracket) return false;
    this.#offset++;
    return true;
  }

  #skipString(quote: '"' | "'"): void {
    const triple = quote.repeat(3);
    const delimiter = this.#text.startsWith(triple, this.#offset) ? triple : quote;
    this.#offset += delimiter.length;
    while (this.#offset < this.#text.length && !this.#text.startsWith(delimiter, this.#offset)) {
      this.#offset += quote === '"' && this.#text[this.#offset] === "\\" ? 2 : 1;
    }
    this.#offset += delimiter.length;
    // A multi-line string may end with up to two quotes before the closing ones.
    if (delimiter === triple) while (this.#text[this.#offset] === quote) this.#offset++;
  }

  // A date may contain a space, so a scalar ends with its line or its place in a list.
  #skipScalar(): void {
    this.#skipUntil(",]}#\r\n");
    while (/[ \t]/u.test(this.#text[this.#offset - 1] ?? "")) this.#offset--;
  }

  #skipBlank(): void {
    for (;;) {
      this.#skipWhile(" \t\r\n");
      if (this.#text[this.#offset] !== "#") return;
      this.#skipUntil("\n");
    }
  }

  #skipSpace(): void {
    this.#skipWhile(" \t");
  }

  #skipWhile(characters: string): void {
    while (this.#offset < this.#text.length && characters.includes(this.#text.charAt(this.#offset)))
      this.#offset++;
  }

  #skipUntil(characters: string): void {
    while (this.#offset < this.#text.length && !characters.includes(this.#text.charAt(this.#offset)))
      this.#offset++;
  }
}
