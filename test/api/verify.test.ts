import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  loadDataOf,
  Tensor,
  verificationSchema,
  verify,
  type DataSet,
  type Model,
} from "../../src/index.js";
import { linearModel, modelOf } from "./small-models.js";

const identity = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];
const dataFor = (model: Model, dims: readonly number[], values: readonly number[]): DataSet =>
  loadDataOf(new Map([["x", Tensor.f32(dims, values)]]), model);
const reference = { engine: "reference" } as const;

describe("verify", () => {
  it("measures hand-computed distances", async () => {
    const a = linearModel(identity);
    const b = linearModel(identity, [0, 0.5, 0]);
    const data = dataFor(a, [2, 3], [3, 0, 0, 0, 4, 0]);
    const result = await verify(a, b, { ...reference, data, maxError: 1 });
    expect(verificationSchema.parse(result)).toEqual(result);
    const [output] = result.outputs;
    // Both rows are off by 0.5 in one place; the norm of a is 5.
    expect(output!.relativeError).toBeCloseTo(Math.sqrt(0.5) / 5, 12);
    expect(output!.maxAbs).toEqual({ value: 0.5, index: [0, 1] });
    expect(output!.cosine).toBeCloseTo((9 + 4 * 4.5) / (5 * Math.sqrt(9 + 0.25 + 4.5 ** 2)), 12);
    expect(output!.shape).toEqual([2, 3]);
    expect(result.ok).toBe(true);
    expect(result.engine).toBe("reference");
  });

  it("counts equal answers with their Wilson interval, and the divergence of the softmaxes", async () => {
    const a = linearModel(identity);
    const b = linearModel([identity[1]!, identity[0]!, identity[2]!]);
    const data = dataFor(a, [4, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 2]);
    const [output] = (await verify(a, b, { ...reference, data, maxError: 9 })).outputs;
    expect(output!.top1).toMatchObject({ agreed: 2, total: 4, share: 0.5 });
    // Wilson, z = 1.96: centre (0.5 + 0.4802)/(1.9604), half-width 0.3500…
    expect(output!.top1!.interval[0]).toBeCloseTo(0.15, 2);
    expect(output!.top1!.interval[1]).toBeCloseTo(0.85, 2);
    expect(output!.top5).toBeNull();
    // Two of four images swap the logits 1 and 0: KL = (e − 1)/(e + 2) each.
    expect(output!.klDivergence).toBeCloseTo((0.5 * (Math.E - 1)) / (Math.E + 2), 6);
  });

  it("asks whether the first's answer is among the second's five", async () => {
    const eye = Array.from({ length: 7 }, (_, i) => Array.from({ length: 7 }, (_, j) => (i === j ? 1 : 0)));
    const a = linearModel(eye);
    const b = linearModel(eye, [0, 10, 10, 10, 10, 10, 0]);
    const c = linearModel(eye, [0, 10, 10, 10, 10, 0, 0]);
    const data = dataFor(a, [1, 7], [1, 0, 0, 0, 0, 0, 0]);
    const top5 = async (other: Model) =>
      (await verify(a, other, { ...reference, data, maxError: 99 })).outputs[0]!.top5;
    expect((await top5(b))!.agreed).toBe(0);
    expect((await top5(c))!.agreed).toBe(1);
  });

  it("gives accuracies and McNemar's test for labels", async () => {
    const a = linearModel(identity);
    const b = linearModel(identity, [5, 0, 0]);
    const data = dataFor(a, [4, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0]);
    const result = await verify(a, b, { ...reference, data, labels: [0, 1, 2, 0], maxError: 9 });
    expect(result.accuracy!.a.agreed).toBe(3);
    expect(result.accuracy!.b.agreed).toBe(2);
    expect(result.accuracy!.mcnemar).toEqual({ onlyA: 2, onlyB: 1, pValue: 1 });
  });

  it("fails on limits, each on its own", async () => {
    const a = linearModel(identity);
    const b = linearModel(identity, [0.01, 0, 0]);
    const data = dataFor(a, [2, 3], [0, 1, 0, 0, 0, 1]);
    const missed = async (limits: object): Promise<string[]> =>
      (await verify(a, b, { ...reference, data, ...limits })).limits
        .filter(({ met }) => !met)
        .map(({ name }) => name);
    expect(await missed({ maxError: 0.02 })).toEqual([]);
    expect(await missed({ maxError: 0.005 })).toEqual(["maxError"]);
    expect(await missed({ minAgreement: 1 })).toEqual([]);
    expect(await missed({})).toEqual(["maxError"]);
    expect((await verify(a, a, { ...reference, data })).ok).toBe(true);
  });

  it("warns when the interval reaches below the wanted agreement", async () => {
    const a = linearModel(identity);
    const data = dataFor(a, [2, 3], [0, 1, 0, 0, 0, 1]);
    const { warnings, ok } = await verify(a, a, { ...reference, data, minAgreement: 0.99 });
    expect(ok).toBe(true);
    expect(warnings.join()).toContain("more images");
  });

  it("refuses an agreement without classes", async () => {
    const builder = new GraphBuilder();
    const x = builder.input("x", { dtype: "float32", shape: ["N", 2, 3] });
    builder.output(builder.op("Relu", [x], {}, { outputs: ["y"] }), { dtype: "float32", shape: ["N", 2, 3] });
    const model = modelOf(builder);
    await expect(verify(model, model, { ...reference, minAgreement: 0.9 })).rejects.toMatchObject({
      code: "E_NO_CLASSES",
      exitCode: 2,
    });
  });

  it("names every difference of the interface", async () => {
    const a = linearModel(identity);
    const {
      interface: sides,
      ok,
      outputs,
    } = await verify(a, linearModel(identity, [0, 0, 0], { input: "z", output: "q" }), reference);
    expect(sides).toEqual({
      same: false,
      differences: [
        'input 0 is "x" in the first, "z" in the second',
        'output 0 is "y" in the first, "q" in the second',
      ],
    });
    expect([ok, outputs]).toEqual([false, []]);
    const fixed = await verify(a, linearModel(identity, [0, 0, 0], { batch: 2 }), reference);
    expect(fixed.interface.differences).toHaveLength(2);
    expect(fixed.outputs).toHaveLength(1);
    expect(fixed.ok).toBe(false);
  });

  it("runs a fixed batch against an open one over a number of images that doesn't fit", async () => {
    const a = linearModel(identity);
    const b = linearModel(identity, [0, 0, 0], { batch: 4 });
    const data = dataFor(
      a,
      [7, 3],
      Array.from({ length: 21 }, (_, i) => i),
    );
    for (const [first, second] of [
      [a, b],
      [b, a],
    ] as const) {
      const result = await verify(first, second, { ...reference, data });
      expect(result.outputs[0]).toMatchObject({ relativeError: 0, shape: [7, 3] });
    }
  });

  it("catches a NaN that only one has, and accepts one that both have", async () => {
    const sqrt = (shift: number): Model => {
      const builder = new GraphBuilder();
      const x = builder.input("x", { dtype: "float32", shape: ["N", 2] });
      const shifted = builder.op("Add", [x, builder.initializer("s", Tensor.f32([1], [shift]))]);
      builder.output(builder.op("Sqrt", [shifted], {}, { outputs: ["y"] }), {
        dtype: "float32",
        shape: ["N", 2],
      });
      return modelOf(builder);
    };
    const data = dataFor(sqrt(0), [1, 2], [-1, 4]);
    const same = await verify(sqrt(0), sqrt(0), { ...reference, data });
    expect(same.outputs[0]!.nonFinite).toEqual({ a: 1, b: 1, different: 0 });
    expect(same.ok).toBe(true);
    const other = await verify(sqrt(0), sqrt(2), { ...reference, data, maxError: 100 });
    expect(other.outputs[0]!.nonFinite).toEqual({ a: 1, b: 0, different: 1 });
    expect(other.outputs[0]!.relativeError).toBeNull();
    expect(other.limits.filter(({ met }) => !met).map(({ name }) => name)).toEqual(["nonFinite", "maxError"]);
    expect(JSON.parse(JSON.stringify(other))).toEqual(other);
  });

  it("says that the inputs are noise, and from which seed", async () => {
    const a = linearModel(identity);
    const { data, warnings } = await verify(a, a, { ...reference, seed: 3, samples: 5 });
    expect(data).toEqual({ path: null, images: 5, seed: 3, labels: false });
    expect(warnings[0]).toContain("seed 3");
  });

  it("measures the noise floor by another order of arithmetic", async () => {
    const weight = Array.from({ length: 4 }, (_, o) =>
      Array.from({ length: 64 }, (_, i) => Math.sin(i * 7 + o) * 10 ** (i % 5)),
    );
    const model = linearModel(weight);
    const { noiseFloor } = await verify(model, model, { ...reference, samples: 4 });
    expect(noiseFloor.sources.map(({ name }) => name)).toEqual(["reference interpreter, float32 vs float64"]);
    expect(noiseFloor.value).toBeGreaterThan(0);
    expect(noiseFloor.value).toBeLessThan(1e-4);
  });

  it("names the first layer over the limit", async () => {
    const chain = (shifts: readonly number[]): Model => {
      const builder = new GraphBuilder();
      let value = builder.input("x", { dtype: "float32", shape: ["N", 2] });
      shifts.forEach((shift, i) => {
        const by = builder.initializer(`s${i}`, Tensor.f32([1], [shift]));
        value = builder.op("Add", [value, by], {}, { name: `add${i}`, outputs: [`v${i}`] });
      });
      builder.output(value, { dtype: "float32", shape: ["N", 2] });
      return modelOf(builder);
    };
    const a = chain([1, 1, 1, 1]);
    const data = dataFor(a, [2, 2], [1, 2, 3, 4]);
    const { bisection } = await verify(a, chain([1, 1, 1.5, 1]), {
      ...reference,
      data,
      bisect: true,
      maxError: 0.01,
    });
    expect(bisection!.layers.map(({ value }) => value)).toEqual(["v0", "v1", "v2", "v3"]);
    expect(bisection!.first).toMatchObject({ node: "add2", op: "Add", value: "v2" });
    expect(bisection!.first!.relativeError).toBeCloseTo(1 / Math.hypot(4, 5, 6, 7), 6);
    expect(bisection!.before).toMatchObject({ node: "add1", relativeError: 0 });
    expect((await verify(a, a, { ...reference, data, bisect: true })).bisection!.first).toBeNull();
  });

  it("stops when told to", async () => {
    const a = linearModel(identity);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(verify(a, a, { ...reference, signal: controller.signal })).rejects.toThrow("enough");
  });
});
