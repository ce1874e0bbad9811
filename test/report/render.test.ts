import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  notJudged,
  jsonSchemas,
  renderGithub,
  renderHtml,
  renderJunit,
  renderMarkdown,
  renderSarif,
  renderText,
  reportSchema,
} from "../../src/report/index.js";
import { root } from "../cli/invoke.js";
import { hostileNames, sampleReport } from "./sample-report.js";

function expectGolden(name: string, text: string): void {
  const path = join(root, "test", "report", "golden", `${name}.golden`);
  if (process.env["CONVOPT_UPDATE_GOLDEN"]) {
    mkdirSync(join(root, "test", "report", "golden"), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}

const missed = sampleReport({
  verdicts: [{ budget: "keepMacs", limit: 0.4, measured: 0.4932, met: false, message: "MACs that remain" }],
  warnings: ["the interval reaches below the budget"],
  latencyMs: {
    before: 12.5,
    after: 7.25,
    ratio: 0.58,
    ratioInterval: [0.571, 0.585],
    threads: 1,
    runs: 30,
    engine: "onnxruntime 1.30.0",
  },
});

describe("the report", () => {
  it("is what its schema says", () => {
    expect(reportSchema.parse(sampleReport())).toEqual(sampleReport());
    for (const schema of Object.values(jsonSchemas))
      expect(JSON.stringify(schema())).toContain('"const":"convopt.');
  });

  it("says the same in every form, word by word", () => {
    expectGolden("report.txt", renderText(sampleReport()));
    expectGolden("report-missed.txt", renderText(missed));
    expectGolden("report.md", renderMarkdown(missed));
    expectGolden("report.html", renderHtml(missed));
    expectGolden("report.github.txt", renderGithub(missed));
    expectGolden("report.junit.xml", renderJunit(missed));
    expectGolden("report.sarif", renderSarif(missed));
  });

  it("shows what was not measured as a dash, never as zero", () => {
    const { quality } = sampleReport();
    const report = sampleReport({
      macs: { before: null, after: null, ratio: null },
      quality: {
        ...quality,
        relativeError: null,
        noiseFloor: null,
        agreement: null,
        agreementInterval: null,
      },
      layers: [],
    });
    expect(renderText(report)).toMatch(/^MACs per sample +— +— +—$/m);
    expect(renderText(report)).toMatch(/^relative output error +0 +—$/m);
    expect(renderText(report)).not.toContain("top-1");
  });
});

describe("a report without quality", () => {
  const report = sampleReport({
    quality: notJudged,
    calibration: { ...sampleReport().calibration, given: 0, fitted: 0, selected: 0, judged: 0 },
    tool: { ...sampleReport().tool, runtime: null },
    verdicts: [],
    warnings: ["the quality was not measured, because nothing can run the original"],
  });

  it("is what its schema says", () => {
    expect(reportSchema.parse(report)).toEqual(report);
  });

  it.each([renderText, renderMarkdown, renderHtml])("says that nothing was measured", (render) => {
    const text = render(report);
    expect(text).toContain("The quality was not measured");
    expect(text).toMatch(/relative output error.*0.*not measured/s);
    expect(text).not.toMatch(/noise floor|samples of seeded noise|null|undefined/);
    expect(text).not.toMatch(/^Judged on|Quality was measured/m);
  });

  it("is told to programs too", () => {
    for (const render of [renderGithub, renderJunit])
      expect(render(report)).toContain("relative output error not measured");
  });
});

describe("reporters of hostile names", () => {
  it.each(hostileNames)("%j adds no command, element or rule", (name) => {
    const report = { ...missed, input: { path: name, sha256: "" }, warnings: [name] };
    expect(
      renderGithub(report)
        .split("\n")
        .filter((line) => line !== ""),
    ).toHaveLength(3);
    for (const line of renderGithub(report).trimEnd().split("\n"))
      expect(line).toMatch(/^::(notice|warning|error) file=/);
    const tags = [...renderJunit(report).matchAll(/<\/?([a-z-]+)/g)].map(([, tag]) => tag);
    const plain = [...renderJunit(missed).matchAll(/<\/?([a-z-]+)/g)].map(([, tag]) => tag);
    expect(tags).toEqual(plain);
    const [run] = JSON.parse(renderSarif(report)).runs;
    expect(run.results).toHaveLength(2);
    expect(run.results[1].locations[0].physicalLocation.artifactLocation.uri).toMatch(/^[\x21-\x7e]*$/);
  });
});
