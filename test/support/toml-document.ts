import fc from "fast-check";

// Documents in every style that TOML has: bare, quoted and dotted keys, headers, arrays of tables, inline
// tables over several lines, the four strings, comments, CRLF, a byte order mark, characters outside the
// basic plane.

const bareKey = fc.stringMatching(/^[A-Za-z0-9_-]{1,6}$/u);
const plainText = fc.string({
  unit: fc.constantFrom("a", "Z", "0", " ", "é", "😀", "#", "=", "[", "]", "{", ",", ".", "'"),
});

const basicString = fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => toBasicString(text));
const literalString = plainText.map((text) => `'${text.replaceAll("'", "")}'`);
const multiLineBasic = fc
  .array(fc.tuple(plainText, fc.constantFrom("", '"', '""', '\\"', "\\\\")), { maxLength: 3 })
  .map((lines) => `"""\n${lines.map((line) => line.join("")).join("\n")}\n"""`);
const multiLineLiteral = fc
  .tuple(fc.array(plainText, { maxLength: 3 }), fc.constantFrom("", "'", "''"))
  .map(([lines, quotes]) => `'''${lines.map((line) => line.replaceAll("'", "")).join("\n")}${quotes}'''`);
const scalar = fc.constantFrom(
  "1",
  "-17",
  "0x1f",
  "3.5e2",
  "inf",
  "true",
  "false",
  "1979-05-27",
  "1979-05-27 07:32:00",
  "1979-05-27T07:32:00Z",
  "07:32",
);
const text = fc.oneof(basicString, literalString, multiLineBasic, multiLineLiteral);
const space = fc.constantFrom("", " ", "\t", "  ");
const gap = fc.constantFrom("", " ", "\n", "\n  ", " # a comment, with = ] and }\n");

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    text,
    fc
      .tuple(fc.array(fc.tuple(gap, tie("value"), gap), { maxLength: 3 }), fc.boolean(), gap)
      .map(([items, trailing, end]) => {
        const list = items.map((item) => item.join("")).join(",");
        return `[${list}${trailing && items.length > 0 ? "," : ""}${end}]`;
      }),
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(bareKey, space, tie("value"), gap), {
          maxLength: 3,
          selector: ([key]) => key,
        }),
        fc.constantFrom(toKey, toBasicString, toDotted),
      )
      .map(([entries, write]) => {
        const list = entries.map(
          ([key, before, inner, end]) => `\n${before}${write(key)}${before}=${before}${inner}${end}`,
        );
        return `{${list.join(",")}}`;
      }),
  ),
}));

function toKey(key: string): string {
  return key;
}

function toBasicString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

function toDotted(key: string): string {
  return `${key} . "sub\\u0041 é" . '${key}'`;
}

const entriesOf = (prefix: string): fc.Arbitrary<string[]> =>
  fc
    .uniqueArray(fc.tuple(bareKey, fc.constantFrom(toKey, toBasicString, toDotted), space, value), {
      maxLength: 4,
      selector: ([key]) => key,
    })
    .map((list) =>
      list.map(
        ([key, write, before, inner]) =>
          `${before}${write(`${prefix}${key}`)}${before}=${before}${inner} # x`,
      ),
    );

const table = fc
  .tuple(
    bareKey,
    fc.constantFrom("table", "array", "nested", "twice"),
    entriesOf("first-"),
    entriesOf("second-"),
  )
  .map(([name, kind, first, second]) => {
    switch (kind) {
      case "table":
        return [`[ ${name} ]`, ...first, `[${name}."sub 😀".last]`, ...second];
      case "array":
        return [`[[${name}]]`, ...first, `[[ ${name} ]]`, ...second];
      case "nested":
        return [`[[${name}]]`, `[${name}.inner-table]`, ...first, `[[${name}.inner-array]]`, ...second];
      default:
        return [`[${name}.inner-table]`, ...first, `[${name}]`, ...second];
    }
  });

/** Valid TOML of any style. */
export const tomlDocument: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("", "\ufeff"),
    entriesOf("top-"),
    fc.uniqueArray(table, {
      maxLength: 4,
      selector: ([header = ""]) => header.replace(/[[\] .].*|[[\] ]/gu, ""),
    }),
    fc.constantFrom("\n", "\r\n"),
  )
  .map(([bom, top, tables, lineEnd]) => {
    const lines = [...top, ...tables.flat()];
    return `${bom}${lines.join("\n").replaceAll("\n", lineEnd)}`;
  });
