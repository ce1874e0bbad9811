import { forHtml, forJson, forWorkflowCommand } from "./escape.js";
import { percent, quantity, small } from "./format.js";
import { isJudged } from "./rows.js";
import type { Report } from "./schema.js";

/** One checkable statement of a report: a budget that was kept or missed. */
interface Check {
  readonly name: string;
  readonly met: boolean;
  readonly text: string;
}

function checksOf(report: Report): Check[] {
  return report.verdicts.map(({ budget, met, message, limit, measured }) => ({
    name: budget,
    met,
    text: `${message} (limit ${limit}, measured ${small(measured)})`,
  }));
}

function summaryOf(report: Report): string {
  const { macs, params, quality } = report;
  return [
    `MACs ${quantity(macs.before)} → ${quantity(macs.after)} (${percent(macs.ratio)} remain)`,
    `parameters ${quantity(params.before)} → ${quantity(params.after)}`,
    `relative output error ${isJudged(report) ? small(quality.relativeError) : "not measured"}`,
    ...(quality.agreement === null ? [] : [`top-1 agreement ${percent(quality.agreement)}`]),
  ].join(", ");
}

/** GitHub workflow commands: a notice with the result, a warning each, an error for every missed budget. */
export function renderGithub(report: Report): string {
  const file = forWorkflowCommand(report.input.path, true);
  const line = (level: string, title: string, text: string): string =>
    `::${level} file=${file},title=${forWorkflowCommand(title, true)}::${forWorkflowCommand(text)}`;
  return [
    line("notice", "convopt", summaryOf(report)),
    ...report.warnings.map((warning) => line("warning", "convopt", warning)),
    ...checksOf(report)
      .filter(({ met }) => !met)
      .map(({ name, text }) => line("error", `convopt: ${name}`, text)),
    "",
  ].join("\n");
}

/** JUnit XML: one test case per budget, and one that the run itself came to its end. */
export function renderJunit(report: Report): string {
  const checks = [{ name: "optimize", met: true, text: summaryOf(report) }, ...checksOf(report)];
  const failures = checks.filter(({ met }) => !met).length;
  const seconds = (report.timings.totalMs / 1000).toFixed(3);
  const suite = forHtml(report.input.path);
  const cases = checks.map(({ name, met, text }) => {
    const body = met ? `<system-out>${forHtml(text)}</system-out>` : `<failure message="${forHtml(text)}"/>`;
    return `    <testcase classname="${suite}" name="${forHtml(name)}">${body}</testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="convopt" tests="${checks.length}" failures="${failures}" time="${seconds}">`,
    `  <testsuite name="${suite}" tests="${checks.length}" failures="${failures}" time="${seconds}">`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

/** SARIF 2.1.0: a result for every missed budget and every warning. */
export function renderSarif(report: Report): string {
  const result = (ruleId: string, level: "error" | "warning", text: string): unknown => ({
    ruleId,
    level,
    message: { text },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(report.input.path) } } }],
  });
  const missed = checksOf(report).filter(({ met }) => !met);
  const rules = [...new Set(missed.map(({ name }) => name))].map((id) => ({ id }));
  return `${forJson({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: { name: "convopt", version: report.tool.version, rules: [...rules, { id: "warning" }] },
        },
        results: [
          ...missed.map(({ name, text }) => result(name, "error", text)),
          ...report.warnings.map((text) => result("warning", "warning", text)),
        ],
      },
    ],
  })}\n`;
}

/** A path as a URI reference; lone surrogates, which have none, become question marks. */
function uriOf(path: string): string {
  return encodeURI(path.replace(/\p{Surrogate}/gu, "?")).replace(/[?#]/g, encodeURIComponent);
}
