/** Plain-text and Markdown tables. Cells are escaped by the caller, who knows where they go. */

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Columns padded to a common width, two spaces between them; no trailing spaces. */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) =>
    Math.max(width(column.title), ...rows.map((row) => width(row[i] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i]!, columns[i]?.align ?? "left"))
      .join("  ")
      .trimEnd();
  return [
    line(columns.map((column) => column.title)),
    line(widths.map((w) => "─".repeat(w))),
    ...rows.map(line),
  ].join("\n");
}

export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = columns.map((column) => (column.align === "right" ? "---:" : "---"));
  return [line(columns.map((column) => column.title)), line(rule), ...rows.map(line)].join("\n");
}

/** Columns a terminal gives to a string: combining marks take none, East Asian wide characters and emoji two. */
export function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    columns += /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(character) ? 2 : 1; // prettier-ignore
  }
  return columns;
}

/** At most `columns` wide, with an ellipsis in the middle: both ends of a layer's name tell. */
export function shorten(text: string, columns: number): string {
  if (columns < 5 || width(text) <= columns) return text;
  const characters = [...text];
  const head = fitting(characters, Math.ceil((columns - 1) / 2));
  const tail = fitting(characters.reverse(), Math.floor((columns - 1) / 2));
  return `${head.join("")}…${tail.reverse().join("")}`;
}

/** As many of the first characters as go into `columns`. */
function fitting(characters: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const character of characters) {
    used += width(character);
    if (used > columns) break;
    taken.push(character);
  }
  return taken;
}

function pad(text: string, columns: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, columns - width(text)));
  return align === "right" ? space + text : text + space;
}
