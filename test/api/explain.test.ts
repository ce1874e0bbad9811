import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  explain,
  explanationSchema,
  load,
  loadReport,
  renderExplanation,
  type Decision,
} from "../../src/index.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";
import { sampleReport } from "../report/sample-report.js";

const folder = scratchFolder();
const decision = (node: string, changes: Partial<Decision> = {}): Decision => ({
  pass: "low-rank-pointwise",
  node,
  op: "Conv",
  verdict: "declined",
  by: "error",
  reason: "its error is over the limit",
  macs: [100, 40],
  params: [10, 4],
  error: 0.25,
  form: "low-rank-pointwise",
  size: { rank: 3 },
  ...changes,
});

describe("explain", () => {
  it("lists what every rewrite says when nothing was run", async () => {
    const explanation = await explain(await load(graph("conv-bn-relu")), "bn1");
    expect(explanationSchema.parse(explanation)).toEqual(explanation);
    expect(explanation).toMatchObject({
      layer: "bn1",
      source: "recomputed",
      outcome: { verdict: "applied", form: "fold-batch-norm" },
    });
    expect(explanation.warnings.join()).toContain("no budget");
  });

  it("says of a layer that no exact rewrite changes that it stays as it is", async () => {
    const { outcome } = await explain(await load(graph("conv-bn-relu")), "conv1");
    expect(outcome).toMatchObject({ verdict: "declined", by: "budget", form: "standard" });
    expect(outcome!.reason).toContain("exact rewrites only");
  });

  it("takes the last decision of a report that has no row of a node", async () => {
    const model = await load(graph("conv-bn-relu"));
    const report = { ...sampleReport({ layers: [] }), decisions: [decision("bn1")] };
    const { outcome } = await explain(model, "bn1", { report });
    expect(outcome).toMatchObject({
      verdict: "declined",
      by: "error",
      reason: "its error is over the limit",
    });
  });

  it("does not say that nothing looked at a layer where the report only lists no candidates", async () => {
    const model = await load(graph("conv-bn-relu"));
    const report = sampleReport({ layers: [{ ...sampleReport().layers[0]!, name: "conv1" }] });
    const text = renderExplanation(await explain(model, "conv1", { report }));
    expect(text).toContain("Applied: depthwise-separable");
    expect(text).toContain("--report FILE.json");
    expect(text).not.toContain("No rewrite looked at it");
  });

  it("finds a layer by the name of its output", async () => {
    const model = await load(graph("conv-bn-relu"));
    const [conv] = model.graph.nodes;
    expect((await explain(model, conv!.output.name)).layer).toBe(conv!.label);
  });

  it("reads a report, and only this layer's lines", async () => {
    const path = join(folder, "r.json");
    const report = sampleReport({
      layers: [{ ...sampleReport().layers[0]!, name: "conv1" }],
    });
    writeFileSync(
      path,
      JSON.stringify({
        ...report,
        decisions: [
          decision("conv1"),
          decision("conv2"),
          decision("conv1", { verdict: "applied", by: "budget", reason: "cheapest" }),
        ],
      }),
    );
    const { code, stdout, stderr } = await invoke([
      "explain",
      graph("conv-bn-relu"),
      "conv1",
      "--report",
      path,
      "--json",
    ]);
    expect(code).toBe(0);
    const explanation = explanationSchema.parse(JSON.parse(stdout));
    expect(explanation.candidates.map(({ node, verdict }) => `${node} ${verdict}`)).toEqual([
      "conv1 declined",
      "conv1 applied",
    ]);
    expect(explanation.outcome).toMatchObject({
      verdict: "applied",
      by: "budget",
      form: "depthwise-separable",
    });
    expect(stderr).toContain("another input");
    expect(renderExplanation(explanation)).toMatch(
      /low-rank-pointwise +rank 3 +40 +0.25 +declined +error +its error is over the limit/,
    );
  });

  it("refuses what is no report", async () => {
    const path = join(folder, "no.json");
    writeFileSync(path, '{"schema":"convopt.report/2"}');
    await expect(loadReport(path)).rejects.toMatchObject({ code: "E_REPORT", exitCode: 3 });
    writeFileSync(path, "{");
    await expect(loadReport(path)).rejects.toMatchObject({ code: "E_REPORT" });
  });
});
