import type { Difference } from "./difference.js";
import { forMarkdown, forTerminal } from "./escape.js";
import { byteSize, quantity, ratio, small } from "./format.js";
import { shorten, textTable } from "./table.js";

const maxCell = 60;
const marks = { added: "+", removed: "-", changed: "~", renamed: "=" } as const;

/** What `diff` found, for a terminal. */
export function renderDifference(difference: Difference): string {
  const { interface: sides, model, nodes, weights, same } = difference;
  const parts = [
    section(
      "interface",
      sides.map((text) => `~ ${forTerminal(text)}`),
    ),
    section(
      "model",
      model.map(({ what, a, b }) => `~ ${cell(what)}: ${cell(a)} → ${cell(b)}`),
    ),
    section(
      "nodes",
      nodes.map(({ name, change, op, details }) => {
        const changes = details.map(({ what, a, b }) => `${cell(what)} ${cell(a)} → ${cell(b)}`);
        return `${marks[change]} ${cell(name)} ${cell(op)}${changes.length > 0 ? `: ${changes.join("; ")}` : ""}`;
      }),
    ),
    section(
      "weights",
      weights.map(({ name, change, a, b, relativeError }) => {
        const types = a !== null && b !== null && a !== b ? `${cell(a)} → ${cell(b)}` : cell(a ?? b);
        return `${marks[change]} ${cell(name)} ${types}${relativeError === null ? "" : `, relative L2 ${small(relativeError)}`}`;
      }),
    ),
    totals(difference),
    same ? "No difference in nodes, weights, interface and metadata." : "",
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

function section(title: string, lines: readonly string[]): string {
  return lines.length > 0
    ? [`${title} (${lines.length})`, ...lines.map((line) => `  ${line}`)].join("\n")
    : "";
}

function over(pair: Difference["macs"]): string {
  return ratio(pair.a && pair.b !== null ? pair.b / pair.a : null);
}

function totals({ macs, params, bytes }: Difference): string {
  return textTable(
    [
      { title: "" },
      { title: "first", align: "right" },
      { title: "second", align: "right" },
      { title: "ratio", align: "right" },
    ],
    [
      ["MACs per sample (FLOPs = 2 × MACs)", quantity(macs.a), quantity(macs.b), over(macs)],
      ["parameters", quantity(params.a), quantity(params.b), over(params)],
      ["file size", byteSize(bytes.a), byteSize(bytes.b), over(bytes)],
    ],
  );
}

function cell(raw: string | null): string {
  return raw === null ? "none" : shorten(forTerminal(raw), maxCell);
}

/** The same as Markdown tables. */
export function renderDifferenceMarkdown(difference: Difference): string {
  const { interface: sides, model, nodes, weights, macs, params, bytes, same } = difference;
  const text = (raw: string | null): string => (raw === null ? "none" : forMarkdown(shorten(raw, maxCell)));
  const tables = [
    markdownTable(
      ["", "first", "second", "ratio"],
      [
        ["MACs per sample (FLOPs = 2 × MACs)", quantity(macs.a), quantity(macs.b), over(macs)],
        ["parameters", quantity(params.a), quantity(params.b), over(params)],
        ["file size", byteSize(bytes.a), byteSize(bytes.b), over(bytes)],
      ],
    ),
    markdownTable(
      ["interface"],
      sides.map((line) => [text(line)]),
    ),
    markdownTable(
      ["model", "first", "second"],
      model.map(({ what, a, b }) => [text(what), text(a), text(b)]),
    ),
    markdownTable(
      ["node", "operator", "change", "what"],
      nodes.map(({ name, op, change, details }) => [
        text(name),
        text(op),
        change,
        details.map(({ what, a, b }) => `${text(what)} ${text(a)} → ${text(b)}`).join("; "),
      ]),
    ),
    markdownTable(
      ["weight", "change", "first", "second", "relative L2"],
      weights.map(({ name, change, a, b, relativeError }) => [
        text(name),
        change,
        text(a),
        text(b),
        small(relativeError),
      ]),
    ),
    same ? "No difference in nodes, weights, interface and metadata." : "",
  ];
  return tables.filter((table) => table !== "").join("\n\n") + "\n";
}

function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}
