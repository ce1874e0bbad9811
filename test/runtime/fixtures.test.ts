import { describe, expect, it } from "vitest";
import type { Model, Tensor } from "../../src/ir/index.js";
import { inferFacts, interpret, modelCost, relativeL2 } from "../../src/measure/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { fixturePath, graphFixtures, seededFeeds } from "./graph-fixtures.js";

const opens = (name: string): boolean => !name.startsWith("bad-") && name !== "empty-model";

/** The binding has no sequences among its inputs; sparse constants are not evaluated. */
const notCarried = new Set(["sequence-optional", "constant-encodings"]);

const shapesAgree = (model: Model, name: string, tensor: Tensor): boolean => {
  const { dtype, shape } = inferFacts(model).of(model.graph.value(name)!);
  return (
    dtype === tensor.dtype &&
    shape?.length === tensor.dims.length &&
    shape.every((dim, axis) => typeof dim !== "number" || dim === tensor.dims[axis])
  );
};

describe("the interpreter against ONNX Runtime", () => {
  const runnable = graphFixtures.filter(
    ({ name, runtime }) => runtime && opens(name) && !notCarried.has(name),
  );

  it.each(runnable.map((fixture) => [fixture.name, fixture] as const))("%s", async (name, fixture) => {
    const model = await loadModel(fixturePath(fixture));
    const feeds = seededFeeds(model);
    const executor = await openExecutor(model, { engine: "ort", threads: 1, optimization: "none" });
    const expected = await executor.run(feeds);
    await executor.dispose();
    const computed = interpret(model, feeds);
    expect([...computed.keys()]).toEqual([...expected.keys()]);
    for (const [output, tensor] of computed) {
      const reference = expected.get(output)!;
      expect([tensor.dtype, tensor.dims], output).toEqual([reference.dtype, reference.dims]);
      expect(shapesAgree(model, output, tensor), `facts of ${output}`).toBe(true);
      if (tensor.dtype === "string") expect(tensor.data).toEqual(reference.data);
      else
        expect(relativeL2(tensor, reference), output).toBeLessThan(tensor.dtype === "float16" ? 1e-3 : 1e-6);
    }
  });

  it("covers every graph that the runtime runs", () => {
    expect(runnable.length).toBeGreaterThan(45);
  });
});

describe("costs of the fixtures", () => {
  it.each(
    graphFixtures
      .filter(({ name, macs }) => opens(name) && macs !== null)
      .map((fixture) => [fixture.name, fixture] as const),
  )("%s", async (name, fixture) => {
    const model = await loadModel(fixturePath(fixture));
    expect(modelCost(model, inferFacts(model)).macs).toBe(fixture.macs);
  });
});
