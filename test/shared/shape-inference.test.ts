import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dim } from "../../src/ir/index.js";
import { inferFacts } from "../../src/measure/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { scratchFolder } from "../cli/invoke.js";
import { runPeer } from "./peers.js";
import { python, sharedFolder, sharedHere } from "./shared-models.js";

const scratch = scratchFolder();

type Inferred = {
  readonly file: string;
  readonly values: Readonly<Record<string, readonly [string, readonly Dim[] | null]>>;
} | null;

/** Names of ONNX's element types as ours. */
const dtypeOf: Readonly<Record<string, string>> = { float: "float32", double: "float64" };

/** Where a model's facts are less than what onnx.shape_inference found, or others. */
async function behind(inferred: Inferred): Promise<string[]> {
  if (!inferred) return [];
  const model = await loadModel(inferred.file);
  const facts = inferFacts(model);
  return Object.entries(inferred.values).flatMap(([name, [type, dims]]) => {
    const value = model.graph.value(name);
    if (!value) return [];
    const { dtype, shape } = facts.of(value);
    const wanted = dtypeOf[type] ?? type;
    if (dtype !== wanted) return [`${name}: ${dtype} instead of ${wanted}`];
    if (dims === null) return [];
    const text = `${name}: [${shape?.join() ?? "unknown"}] instead of [${dims.join()}]`;
    if (shape?.length !== dims.length) return [text];
    const worse = dims.some((dim, axis) => {
      const ours = shape[axis]!;
      if (dim === null || ours === dim) return false;
      // A number is more than a symbol.
      return !(typeof dim === "string" && typeof ours === "number");
    });
    return worse ? [text] : [];
  });
}

describe.runIf(sharedHere && python !== null)("inference against onnx.shape_inference", () => {
  it("knows as much of the shared models, or more", async () => {
    const folder = join(sharedFolder, "models");
    const paths = readdirSync(folder).map((name) => join(folder, name));
    const inferred = runPeer("infer_shapes.py", { paths, folder: scratch }) as Inferred[];
    let compared = 0;
    for (const [i, path] of paths.entries()) {
      expect(await behind(inferred[i]!), path).toEqual([]);
      compared += Object.keys(inferred[i]?.values ?? {}).length;
    }
    expect(compared).toBeGreaterThan(1000);
  });

  it("knows as much of the conformance cases, or more", async () => {
    const folder = join(sharedFolder, "conformance");
    const paths = readdirSync(folder).map((name) => join(folder, name, "model.onnx"));
    const inferred = runPeer("infer_shapes.py", { paths, folder: scratch }) as Inferred[];
    const worse: string[] = [];
    for (const [i, path] of paths.entries()) {
      for (const line of await behind(inferred[i]!)) worse.push(`${path.split("/").at(-2)} ${line}`);
    }
    expect(worse).toEqual([]);
    expect(inferred.filter((found) => found !== null).length).toBeGreaterThan(950);
  });
});
