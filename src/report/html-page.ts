import { forHtml } from "./escape.js";
import type { Column } from "./table.js";

/*
 * The frame of static HTML pages: no script, no request, light and dark. The content security policy would stop both if
 * a string ever got through the escaping.
 */

const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --back: #fff; --panel: #f6f8fa;
  --before: #b6c2cf; --after: #1a7f6b; --good: #1a7f37; --bad: #c42b1c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --back: #0d1117;
  --panel: #151b23; --before: #4a5663; --after: #3fb6a0; --good: #3fb950; --bad: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 72rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p, li { color: var(--soft); max-width: 52rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .5rem .75rem; color: var(--soft); }
th, td { padding: .4rem .75rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } th { background: var(--panel); font-weight: 600; white-space: nowrap; }
.right { text-align: right; white-space: nowrap; }
.name { font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere; min-width: 10rem; }
small { display: block; white-space: normal; } .kept { color: var(--good); } .missed { color: var(--bad); } .why { color: var(--soft); min-width: 13rem; }
.became { min-width: 12rem; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .75rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, monospace; }
.wide { overflow-x: auto; } .wide > svg { min-width: 560px; } summary { cursor: pointer; color: var(--soft); }
svg { display: block; } .before { fill: var(--before); } .after { fill: var(--after); }
@media screen and (max-width: 640px) { body { padding: 1rem .75rem 3rem; } th, td { padding: .35rem .5rem; } table { font-size: 14px; }
  .stacked, .stacked tbody, .stacked tr, .stacked td { display: block; } .stacked thead { display: none; }
  .stacked tr { padding: .4rem 0; border-bottom: 1px solid var(--line); } .stacked tr:last-child { border-bottom: 0; }
  .stacked td { display: flex; gap: .75rem; padding: .1rem .5rem; border: 0; text-align: left; white-space: normal; min-width: 0; }
  .stacked td:not(.name)::before { content: attr(data-title); flex: 0 0 7rem; color: var(--soft); } }
@media print { body { max-width: none; padding: 0; } .scroll { overflow: visible; } .wide { overflow: visible; }
  details::details-content { content-visibility: visible; display: block; } table { font-size: 11px; }
  tr, figure, svg { break-inside: avoid; } th, td { padding: .2rem .35rem; } .name, .why, .became { min-width: 0; }
  .name { font-size: 10px; min-width: 8rem; } }
`.trim();

/** A whole page of parts that are HTML already; `extraStyle` is CSS that they need. */
export function htmlPage(title: string, body: readonly string[], extraStyle = ""): string {
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${forHtml(`convopt: ${title}`)}</title>`,
    `<style>${style}${extraStyle === "" ? "" : `\n${extraStyle}`}</style>`,
    "</head>",
    "<body>",
    "<main>",
    ...body,
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

export function section(title: string, content: string): string {
  return `<section>${title === "" ? "" : `<h2>${forHtml(title)}</h2>`}\n${content}\n</section>`;
}

export function paragraph(text: string): string {
  return `<p>${forHtml(text)}</p>`;
}

/** Something wide that scrolls sideways on a small screen instead of shrinking. */
export function wide(content: string): string {
  return `<div class="wide" tabindex="0">${content}</div>`;
}

/** Content that is folded away where it is long. */
export function folded(summary: string, content: string, open: boolean): string {
  return `<details${open ? " open" : ""}><summary>${forHtml(summary)}</summary>\n${content}\n</details>`;
}

export function list(items: readonly string[]): string {
  return `<ul>\n${items.map((item) => `<li>${forHtml(item)}</li>`).join("\n")}\n</ul>`;
}

/** Columns from which on a table's rows become blocks of lines on a small screen, each cell behind its column's title. */
const fewestStacked = 5;

/** A table of cells that are HTML already. */
export function table(
  columns: readonly (Column & { readonly kind?: string })[],
  rows: readonly string[][],
  caption = "",
): string {
  const kind = (index: number): string => {
    const column = columns[index];
    const name = column?.kind ?? (column?.align === "right" ? "right" : "");
    return name === "" ? "" : ` class="${name}"`;
  };
  const head = columns.map((column, i) => `<th scope="col"${kind(i)}>${forHtml(column.title)}</th>`).join("");
  const stacked = columns.length >= fewestStacked;
  const title = (index: number): string =>
    stacked ? ` data-title="${forHtml(columns[index]?.title ?? "")}"` : "";
  const cells = (row: readonly string[]): string =>
    row.map((cell, i) => `<td${kind(i)}${title(i)}>${stacked ? `<div>${cell}</div>` : cell}</td>`).join("");
  const body = rows.map((row) => `<tr>${cells(row)}</tr>`);
  const label = caption === "" ? "" : `<caption>${forHtml(caption)}</caption>`;
  return `<div class="scroll" tabindex="0"><table${stacked ? ' class="stacked"' : ""}>${label}<thead><tr>${head}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}
