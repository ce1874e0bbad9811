import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bench, GraphBuilder, run } from "../../src/index.js";
import { linearModel, modelOf } from "../api/small-models.js";
import { graph, invoke, root, scratchFolder } from "./invoke.js";

const model = graph("conv-bn-relu");
const out = join(scratchFolder(), "o.onnx");
const engine = ["--engine", "reference"];

describe("--shape", () => {
  const commands: string[][] = [
    ["inspect", model],
    ["optimize", model, out],
    ["optimize", model, out, "--keep-macs", "0.5", ...engine],
    ["run", model, ...engine],
    ["run", model, "--out", join(out, "..", "y.npz"), ...engine],
    ["verify", model, model, ...engine],
    ["bench", model, "--runs", "1", ...engine],
    ["bench", model, graph("conv-bare"), "--runs", "1", ...engine],
    ["bench", model, "--calibrate", "--json", ...engine],
    ["diff", model, model],
    ["explain", model, "conv1"],
    ["explain", model, "conv1", "--keep-macs", "0.5", ...engine],
    ["sweep", model, join(out, "..", "swept"), ...engine],
  ];

  it.each(commands)("of a name that is no input is refused: %s %s %s", async (...args) => {
    const { code, stdout, stderr } = await invoke([...args, "--shape", "inptu=1x3x9x8", "--quiet"]);
    expect(stderr).toMatch(/^error\[E_SHAPE_NAME\]: [^\n]*"inptu"[^\n]*the inputs are "input"[^\n]*\n$/);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it.each(commands)("of another rank is refused: %s %s %s", async (...args) => {
    const { code, stdout, stderr } = await invoke([...args, "--shape", "input=1x3", "--quiet"]);
    expect(stderr).toMatch(/^error\[E_SHAPE_RANK\]: [^\n]*rank 2[^\n]*rank 4[^\n]*\n$/);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("is the batch of noise that run feeds, unless --limit says otherwise", async () => {
    const shapes20 = join(root, "fixtures", "shapes20.onnx");
    const two = ["run", shapes20, "--shape", "input=2x3x32x32", "--json", "--quiet", ...engine];
    const all = JSON.parse((await invoke(two)).stdout);
    expect(all).toMatchObject({ images: 2, outputs: [{ shape: [2, 10] }] });
    const one = JSON.parse((await invoke([...two, "--limit", "1"])).stdout);
    expect(one).toMatchObject({ images: 1, outputs: [{ shape: [1, 10] }] });
  });

  it("settles a symbol for the other inputs too", async () => {
    const builder = new GraphBuilder();
    const a = builder.input("a", { dtype: "float32", shape: ["N", "W"] });
    const b = builder.input("b", { dtype: "float32", shape: ["N", "W"] });
    builder.output(builder.op("Add", [a, b], {}, { outputs: ["sum"] }));
    const shapes = new Map([["a", [3, 5]]]);
    const { outputs } = await run(modelOf(builder), { engine: "reference", shapes });
    expect(outputs.get("sum")!.dims).toEqual([3, 5]);
  });

  it("may be of one of the models that are timed together", async () => {
    const models = ["x", "z"].map((input) => linearModel([[1, 2]], [0], { input }));
    const shapes = new Map([["z", [3, 2]]]);
    const { inputs } = await bench(models.reverse(), { engine: "reference", runs: 1, shapes });
    expect(inputs.shapes).toEqual({ z: [3, 2] });
  });
});
