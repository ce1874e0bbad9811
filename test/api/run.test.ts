import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphBuilder, loadData, loadDataOf, readNpz, run, saveArrays, Tensor } from "../../src/index.js";
import { scratchFolder } from "../cli/invoke.js";
import { linearModel, modelOf } from "./small-models.js";
import { readFileSync } from "node:fs";

const folder = scratchFolder();
const engine = { engine: "reference" } as const;

describe("run", () => {
  it("joins the batches in order, whatever their size", async () => {
    const model = linearModel([
      [2, 0],
      [0, 3],
    ]);
    const data = loadDataOf(
      new Map([
        [
          "x",
          Tensor.f32(
            [5, 2],
            Array.from({ length: 10 }, (_, i) => i),
          ),
        ],
      ]),
      model,
    );
    const wanted = [0, 3, 4, 9, 8, 15, 12, 21, 16, 27];
    for (const batchSize of [1, 2, 3, 5, 64]) {
      const { outputs, images } = await run(model, { ...engine, data, batchSize });
      expect(images).toBe(5);
      expect(outputs.get("y")!.dims).toEqual([5, 2]);
      expect(Array.from(outputs.get("y")!.numbers)).toEqual(wanted);
    }
  });

  it("stacks outputs that have no axis of samples", async () => {
    const builder = new GraphBuilder();
    const x = builder.input("x", { dtype: "float32", shape: ["N", 2] });
    builder.output(builder.op("ReduceSum", [x], { keepdims: 0 }, { outputs: ["total"] }));
    const model = modelOf(builder);
    const data = loadDataOf(new Map([["x", Tensor.f32([3, 2], [1, 2, 3, 4, 5, 6])]]), model);
    const { outputs } = await run(model, { ...engine, data });
    expect(outputs.get("total")!.dims).toEqual([3]);
    expect(Array.from(outputs.get("total")!.numbers)).toEqual([3, 7, 11]);
  });

  it("returns inner values on request and refuses unknown ones", async () => {
    const model = linearModel([[1, 1]]);
    const { outputs } = await run(model, { ...engine, outputs: ["y"], samples: 2 });
    expect([...outputs.keys()]).toEqual(["y"]);
    await expect(run(model, { ...engine, outputs: ["nope"] })).rejects.toMatchObject({ exitCode: 2 });
  });

  it("writes what it returns", async () => {
    const path = join(folder, "o.npz");
    const arrays = new Map([
      ["a", Tensor.f32([2, 1], [1.5, -2])],
      ["b", Tensor.i64([3], [1, 2, 3])],
    ]);
    await saveArrays(arrays, path);
    const read = readNpz(readFileSync(path));
    expect([...read.keys()]).toEqual(["a", "b"]);
    expect(Array.from(read.get("a")!.numbers)).toEqual([1.5, -2]);
    expect(read.get("b")!.toNumbers()).toEqual([1, 2, 3]);
  });

  it("leaves an old file alone when the new one can't be written", async () => {
    await expect(saveArrays(new Map(), join(folder, "none", "o.npz"))).rejects.toMatchObject({ exitCode: 4 });
    writeFileSync(join(folder, "model.txt"), "old");
    await expect(loadData(join(folder, "model.txt"), linearModel([[1]]))).rejects.toMatchObject({
      exitCode: 3,
    });
  });
});
