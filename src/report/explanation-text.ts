import { forTerminal } from "./escape.js";
import type { Decision, Explanation } from "./explanation.js";
import { quantity, small } from "./format.js";
import { textTable, type Column } from "./table.js";

const columns: readonly Column[] = [
  { title: "pass" },
  { title: "size" },
  { title: "MACs", align: "right" },
  { title: "error", align: "right" },
  { title: "verdict" },
  { title: "by" },
  { title: "why" },
];

/** What `explain` says of a layer, for a terminal: every candidate, the outcome last. */
export function renderExplanation(explanation: Explanation): string {
  const { layer, op, shape, macs, params, candidates, outcome, source } = explanation;
  const parts = [
    `${forTerminal(layer)}: ${forTerminal(op)} ${shape ?? "without a constant weight"}, ${quantity(macs)} MACs per sample (FLOPs = 2 × MACs), ${quantity(params)} parameters`,
    candidates.length > 0 ? textTable(columns, candidates.map(row)) : withoutCandidates[source],
    outcome
      ? `${outcome.verdict === "applied" ? `Applied: ${forTerminal(outcome.form)}` : "It stays as it is"}, decided by ${by[outcome.by] ?? forTerminal(outcome.by)}${outcome.reason === "" ? "" : `: ${forTerminal(outcome.reason)}`}.`
      : "Nothing decided about it.",
  ];
  return parts.join("\n\n") + "\n";
}

const withoutCandidates = {
  recomputed: "No rewrite looked at it.",
  report: "The report lists nothing that was tried for it: one that is written by --report FILE.json does.",
} as const satisfies Record<Explanation["source"], string>;

const by: Readonly<Record<string, string>> = {
  rule: "the rule",
  cost: "its cost",
  error: "its error",
  budget: "the budget",
  user: "your flags",
};

function row(decision: Decision): string[] {
  const size = Object.entries(decision.size ?? {}).map(([name, value]) => `${name} ${value}`);
  return [
    forTerminal(decision.form ?? decision.pass),
    size.join(", "),
    quantity(decision.macs[1]),
    small(decision.error),
    decision.verdict,
    decision.by,
    forTerminal(decision.reason),
  ];
}
