import { describe, expect, it } from "vitest";
import { inferFacts, interpret, relativeL2 } from "../../src/measure/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { randomGraph } from "./random-graphs.js";

describe("random graphs", () => {
  const seeds = Array.from({ length: 150 }, (_, i) => i + 1);

  it.each(seeds)("seed %i: interpreter, inference and ONNX Runtime agree", async (seed) => {
    const { model, feeds } = randomGraph(seed, seed % 2 === 0);
    const names = model.graph.nodes.flatMap((node) => node.outputs.map((output) => output!.name));
    const executor = await openExecutor(model, {
      engine: "ort",
      threads: 1,
      optimization: "none",
      outputs: names,
    });
    const expected = await executor.run(feeds);
    await executor.dispose();
    const computed = interpret(model, feeds, { outputs: names });
    const facts = inferFacts(model);
    for (const name of names) {
      const [y, reference] = [computed.get(name)!, expected.get(name)!];
      expect([y.dtype, y.dims], name).toEqual([reference.dtype, reference.dims]);
      if (y.dtype === "float32") expect(relativeL2(reference, y), name).toBeLessThan(2e-5);
      const { dtype, shape } = facts.of(model.graph.value(name)!);
      expect([dtype, shape?.length], name).toEqual([y.dtype, y.dims.length]);
      shape!.forEach((dim, axis) => {
        if (typeof dim === "number") expect(dim, `${name}, axis ${axis}`).toBe(y.dims[axis]);
        if (seed % 2 === 1) expect(typeof dim, `${name}, axis ${axis} is known`).toBe("number");
      });
    }
  });
});
