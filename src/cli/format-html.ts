import { createHash } from "node:crypto";
import { show } from "./output.ts";

/** A column of a table, and how it is filtered: by one of its texts, or by a part of them. */
export interface HtmlColumn {
  readonly head: string;
  readonly filter?: "choice" | "text" | undefined;
}

/** A row of a table. */
export interface HtmlRow {
  readonly cells: readonly string[];
  readonly tone: "green" | "red";
}

/** A page with one table. */
export interface HtmlPage {
  readonly title: string;
  readonly notes: readonly string[];
  readonly columns: readonly HtmlColumn[];
  readonly rows: readonly HtmlRow[];
  /** Which column has the colour of its row. */
  readonly toneColumn: number;
}

/** The colours have a contrast of 4.5 and more (https://www.w3.org/TR/WCAG22/#contrast-minimum). */
const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #8c959f; --head: #f0f2f5; --red: #9a1c1c; --green: #1a6b32; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --paper: #14171a; --line: #6e7781; --head: #22272c; --red: #ff9a92; --green: #7ddb96; }
}
body { margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; }
.filters { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
label { display: grid; gap: 0.25rem; font-weight: 600; }
input, select { min-width: 12rem; padding: 0.4rem; font: inherit; font-weight: 400; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 0.25rem; }
:focus-visible { outline: 3px solid #3b82f6; outline-offset: 2px; }
.table { max-height: 75vh; overflow: auto; border: 1px solid var(--line); border-radius: 0.25rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.4rem 0.75rem; text-align: left; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th, .red, .green { white-space: nowrap; overflow-wrap: normal; }
thead th { position: sticky; top: 0; background: var(--head); }
.red { color: var(--red); font-weight: 600; }
.green { color: var(--green); font-weight: 600; }
[hidden] { display: none; }
`;

const SCRIPT = `
const controls = [...document.querySelectorAll("[data-column]")];
const rows = [...document.querySelectorAll("tbody tr")].map((row) => ({
  row,
  texts: [...row.cells].map((cell) => cell.textContent.toLowerCase()),
}));
const count = document.querySelector("[role=status]");
function fits(texts, control) {
  const wanted = control.value.trim().toLowerCase();
  const text = texts[Number(control.dataset.column)];
  return wanted === "" || (control.localName === "select" ? text === wanted : text.includes(wanted));
}
function filter() {
  let shown = 0;
  for (const { row, texts } of rows) {
    row.hidden = !controls.every((control) => fits(texts, control));
    if (!row.hidden) shown++;
  }
  count.textContent = shown + " of " + rows.length + " rows";
}
for (const control of controls) control.addEventListener("input", filter);
filter();
`;

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing on this page can fetch, send or run anything, except for the script above. */
const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * A self-contained page: a browser opens it from a file and filters it without any request.
 */
export function formatHtml({ title, notes, columns, rows, toneColumn }: HtmlPage): string {
  const controls = columns.map((column, index) => toControl(column, index, rows));
  const heads = columns.map(({ head }) => `<th scope="col">${toText(head)}</th>`);
  const lines = rows.map(({ cells, tone }) => {
    const shown = cells.map((cell, index) => {
      const colour = index === toneColumn ? ` class="${tone}"` : "";
      return `<td${colour}>${toText(cell)}</td>`;
    });
    return `<tr>${shown.join("")}</tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${toText(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${toText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${toText(title)}</h1>
${notes.map((note) => `<p>${toText(note)}</p>`).join("\n")}
<div class="filters" role="search" aria-label="Rows">
${controls.join("\n")}
</div>
<p role="status">${rows.length} rows</p>
<div class="table" role="region" aria-label="${toText(title)}" tabindex="0">
<table>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>
${lines.join("\n")}
</tbody>
</table>
</div>
</main>
<script>${SCRIPT}</script>
</body>
</html>`;
}

function toControl({ head, filter }: HtmlColumn, index: number, rows: readonly HtmlRow[]): string {
  const label = toText(head);
  switch (filter) {
    case undefined:
      return "";
    case "text":
      return `<label>${label} contains<input type="search" autocomplete="off" data-column="${index}"></label>`;
    case "choice": {
      const texts = [...new Set(rows.map(({ cells }) => cells[index] ?? ""))];
      const options = texts.map((text) => `<option>${toText(text)}</option>`).join("");
      return `<label>${label}<select data-column="${index}"><option value="">all</option>${options}</select></label>`;
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Escapes a text for HTML. */
function toText(text: string): string {
  return show(text).replace(/[&<>"]/gu, (character) => ENTITIES[character] ?? "");
}
