/** A cell: its text and its style. */
export interface Cell {
  readonly text: string;
  readonly styled?: string | undefined;
}

const toCell = (cell: string | Cell): Cell => (typeof cell === "string" ? { text: cell } : cell);

/**
 * Lines of a table in columns. If it is wider than the terminal, each row becomes a block of lines.
 */
export function formatTable(
  heads: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  columns: number,
): readonly string[] {
  const cells = rows.map((row) => row.map(toCell));
  const widths = heads.map((head, index) =>
    Math.max(head.length, ...cells.map((row) => row[index]?.text.length ?? 0)),
  );
  const width = widths.reduce((sum, one) => sum + one + 2, -2);
  if (width > columns) return cells.flatMap((row) => [...toBlock(heads, row, columns), ""]);
  const toLine = (row: readonly Cell[]): string =>
    row
      .map(
        ({ text, styled = text }, index) =>
          styled + " ".repeat(Math.max(0, (widths[index] ?? 0) - text.length)),
      )
      .join("  ")
      .trimEnd();
  return [heads.map(toCell), ...cells].map(toLine);
}

function toBlock(heads: readonly string[], row: readonly Cell[], columns: number): readonly string[] {
  return row.flatMap(({ text, styled = text }, index) => {
    const head = `${heads[index] ?? ""}:`;
    const fits = head.length + 1 + text.length <= columns;
    return fits ? [`${head} ${styled}`] : [head, ...wrap(text, columns - INDENT.length).map(indent)];
  });
}

const INDENT = "  ";
const indent = (line: string): string => `${INDENT}${line}`;

/** Breaks a text between words, and longer words at the end of the line. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length <= columns) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    const parts = word.match(new RegExp(`.{1,${columns}}`, "gu")) ?? [""];
    lines.push(...parts.slice(0, -1));
    line = parts.at(-1) ?? "";
  }
  return [...lines, line];
}

/** Lines of a table in Markdown. */
export function formatMarkdown(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const escapeCell = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("|", "\\|");
  const toLine = (row: readonly string[]): string => `| ${row.map(escapeCell).join(" | ")} |`;
  return [toLine(heads), toLine(heads.map(() => "---")), ...rows.map(toLine)];
}
