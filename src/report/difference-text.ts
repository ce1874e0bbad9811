import type { Difference } from "./difference.js";
import { forTerminal } from "./escape.js";
import { byteSize, quantity, ratio, small } from "./format.js";
import { shorten, textTable } from "./table.js";

const maxCell = 60;
const marks = { added: "+", removed: "-", changed: "~" } as const;

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

function totals({ macs, params, bytes }: Difference): string {
  const over = (pair: Difference["macs"]): string =>
    ratio(pair.a && pair.b !== null ? pair.b / pair.a : null);
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
