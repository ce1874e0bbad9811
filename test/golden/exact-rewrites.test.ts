import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import type { LedgerEntry } from "../../src/engine/index.js";
import { print, type Model } from "../../src/ir/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { macsOf, runPasses } from "../passes/rewrite-harness.js";

const here = dirname(fileURLToPath(import.meta.url));
const update = process.env["CONVOPT_UPDATE_GOLDEN"] === "1";

/** What each pass is shown on. A fixture may need other passes first. */
const cases: Readonly<Record<string, readonly string[]>> = {
  "fold-batch-norm": ["conv-bn-relu", "bn-before-conv", "conv-bn-shared-output", "conv-transpose-bn", "gemm-bn", "conv3d", "shared-weights", "if-captures-weight"],
  "fold-affine": ["conv-affine", "conv-affine-kept", "opset6-broadcast"],
  "fold-constants": ["constant-encodings", "conv-dynamic-weight", "symbolic-dims"],
  "drop-identities": ["identities", "identities-kept"],
  "drop-dead-nodes": ["identities", "tensor-encodings"],
  "drop-dead-channels": ["dead-channels", "dead-channels-kept", "duplicate-channels", "constant-channels"],
  "merge-parallel-branches": ["parallel-branches", "parallel-concat", "repvgg-block"],
  "merge-pointwise-chain": ["linear-chain-merged", "linear-chain-kept"],
  "pointwise-shortcut": ["option-a-shortcut"],
  "exact-depthwise": ["hidden-depthwise"],
  "exact-grouping": ["block-diagonal-absorbed", "block-diagonal-gather", "block-diagonal-uneven"],
  "exact-low-rank": ["low-rank-in", "low-rank-out", "low-rank-pointwise", "low-rank-spatial", "tucker2", "separable-two-terms"],
};

/** Fixtures with operators or values that the interpreter doesn't run. */
const notRun = new Set(["constant-encodings", "symbolic-dims", "tensor-encodings"]);

function line({ pass, node, op, verdict, by, reason, macs, params }: LedgerEntry): string {
  const change = verdict === "applied" ? ` · MACs ${macs.join(" → ")} · params ${params.join(" → ")}` : "";
  return `${verdict} ${pass} "${node}" (${op}) by ${by}${reason === "" ? "" : `: ${reason}`}${change}`;
}

/** Types and structure; values as hashes, so that a changed weight shows. */
function text(model: Model): string {
  return print(model.graph, { weights: "hash" });
}

describe.each(Object.entries(cases))("%s", (name, fixtures) => {
  it.each(fixtures)("on %s", async (fixture) => {
    const before = await loadModel(join(here, "..", "..", "fixtures", "graphs", `${fixture}.onnx`));
    const pass = [...preset.exact, ...preset.timed].find((each) => each.name === name)!;
    const out = runPasses(before, [pass], { interpret: !notRun.has(fixture), raisesMacs: pass.timed === true });
    const error = notRun.has(fixture) ? "not run" : out.error === 0 ? "0" : `below 1e${Math.ceil(Math.log10(out.error))}`;
    const golden = [
      `# ${name} on ${fixture}`,
      "",
      text(before),
      ...out.entries.map(line),
      `MACs ${macsOf(before)} → ${macsOf(out.after)}; relative error of the outputs ${error}`,
      "",
      text(out.after),
    ].join("\n");
    const path = join(here, name, `${fixture}.txt`);
    if (update) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, golden);
    }
    expect(existsSync(path), `${path}: make it with npm run golden`).toBe(true);
    expect(golden).toBe(readFileSync(path, "utf8"));
  });
});
