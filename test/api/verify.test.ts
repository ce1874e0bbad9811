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
    expect(noiseFloor.sources.map(({ name }) => name)).toEqual([
      "reference interpreter, float32 vs float64",
      "every weight rounded anew",
    ]);
    expect(noiseFloor.outputs).toEqual([{ name: "y", value: noiseFloor.value }]);
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

  it("names the layer that a fault is in, not one that makes more of it", async () => {
    // The first node is off by little, the third multiplies everything by 1000 around a large constant.
    const chain = (shift: number): Model => {
      const builder = new GraphBuilder();
      const x = builder.input("x", { dtype: "float32", shape: ["N", 2] });
      const constant = (name: string, value: number) => builder.initializer(name, Tensor.f32([1], [value]));
      const steps = [
        ["Mul", constant("c0", 1 + shift)],
        ["Add", constant("c1", 1)],
        ["Sub", constant("c2", 1)],
        ["Mul", constant("c3", 1000)],
      ] as const;
      const last = steps.reduce(
        (value, [op, by], i) => builder.op(op, [value, by], {}, { name: `n${i}`, outputs: [`v${i}`] }),
        x,
      );
      builder.output(last, { dtype: "float32", shape: ["N", 2] });
      return modelOf(builder);
    };
    const [a, b] = [chain(0), chain(1e-4)];
    const data = dataFor(a, [1, 2], [0.001, 0.002]);
    // Accumulated, v1 is only 1e-7 off; the limit is met until v2, whose node is right.
    const result = await verify(a, b, { ...reference, data, bisect: true, layers: true, maxError: 5e-5 });
    expect(result.bisection!.first).toMatchObject({ node: "n0", other: "n0", value: "v0" });
    expect(result.profile!.images).toBe(1);
    const own = result.profile!.layers.map(({ localError }) => localError!);
    expect(own[0]).toBeCloseTo(1e-4, 7);
    expect(own.slice(1)).toEqual([0, 0, 0]);
    expect(result.profile!.layers[1]!.relativeError).toBeLessThan(1e-6);
    expect(result.profile!.layers[3]!.relativeError).toBeCloseTo(1e-4, 6);
  });

  it("finds in float64 what float32 arithmetic hides, and nothing where only roundings differ", async () => {
    const weight = (change: (w: number, i: number) => number): Model =>
      linearModel(
        Array.from({ length: 4 }, (_, o) =>
          Array.from({ length: 64 }, (_, i) => change(Math.fround(Math.sin(i * 7 + o)), o * 64 + i)),
        ),
      );
    const a = weight((w) => w);
    const slightly = weight((w, i) => (i === 70 ? w * (1 + 2e-6) : w));
    const folded = weight((w) => Math.fround(Math.fround(w / 3) * 3));
    const missed = async (b: Model): Promise<string[]> =>
      (await verify(a, b, reference)).limits.filter(({ met }) => !met).map(({ name }) => name);
    expect(await missed(folded)).toEqual([]);
    expect(await missed(slightly)).toEqual(["exactError"]);
    const { exact } = await verify(a, a, reference);
    expect(exact!.outputs).toEqual([
      { name: "y", relativeError: 0, worstSample: 0, limit: expect.any(Number) as number },
    ]);
    expect((await verify(a, a, { ...reference, maxError: 1 })).exact).toBeNull();
  });

  it("finds a fault that shows on one sample of many", async () => {
    // The second model adds 1e-6 where a sum of inputs is beyond what all samples but one reach.
    const gated = (by: number): Model => {
      const builder = new GraphBuilder();
      const x = builder.input("x", { dtype: "float32", shape: ["N", 4] });
      const constant = (name: string, value: number) => builder.initializer(name, Tensor.f32([1], [value]));
      const relu = builder.op("Relu", [builder.op("Sub", [x, constant("edge", 5)])]);
      const sum = builder.op(
        "Add",
        [x, builder.op("Mul", [relu, constant("by", by)])],
        {},
        { outputs: ["y"] },
      );
      builder.output(sum, { dtype: "float32", shape: ["N", 4] });
      return modelOf(builder);
    };
    const values = Array.from({ length: 160 }, (_, i) => (i === 90 ? 6 : Math.sin(i) * 4));
    const data = dataFor(gated(0), [40, 4], values);
    const floor = (await verify(gated(0), gated(0), { ...reference, data })).exact!.outputs[0]!.limit;
    const { exact, limits } = await verify(gated(0), gated(3 * floor * 6), { ...reference, data });
    const [output] = exact!.outputs;
    expect(output!.relativeError).toBeLessThan(output!.limit);
    expect(output!.worstSample).toBeGreaterThan(1.5 * output!.limit);
    expect(limits.filter(({ met }) => !met).map(({ name }) => name)).toEqual(["exactError"]);
  });

  it("measures images by their PSNR, with the peak that they have", async () => {
    const shifted = (by: number): Model => {
      const builder = new GraphBuilder();
      const x = builder.input("x", { dtype: "float32", shape: ["N", 3, 8, 8] });
      const shift = builder.initializer("s", Tensor.f32([1], [by]));
      builder.output(builder.op("Add", [x, shift], {}, { outputs: ["y"] }), {
        dtype: "float32",
        shape: ["N", 3, 8, 8],
      });
      return modelOf(builder);
    };
    const image = (scale: number): DataSet =>
      dataFor(
        shifted(0),
        [1, 3, 8, 8],
        Array.from({ length: 192 }, (_, i) => (scale * i) / 191),
      );
    const psnr = async (scale: number, by: number) =>
      (await verify(shifted(0), shifted(by), { ...reference, data: image(scale), maxError: 1 })).outputs[0]!
        .psnr!;
    expect((await psnr(1, 0.125)).peak).toBe(1);
    expect((await psnr(1, 0.125)).db).toBeCloseTo(-20 * Math.log10(0.125), 5);
    expect(await psnr(255, 0)).toEqual({ db: null, peak: 255 });
    expect((await psnr(255, 2)).db).toBeCloseTo(20 * Math.log10(255 / 2), 4);
  });

  it("matches the objects of detectors where the outputs are named", async () => {
    const detector = (shift: number): Model => {
      const builder = new GraphBuilder();
      const x = builder.input("x", { dtype: "float32", shape: ["N", 2, 4] });
      const by = builder.initializer("s", Tensor.f32([1], [shift]));
      builder.output(builder.op("Add", [x, by], {}, { outputs: ["boxes"] }), {
        dtype: "float32",
        shape: ["N", 2, 4],
      });
      const column = builder.initializer("i", Tensor.i64([1], [3]));
      builder.output(builder.op("Gather", [x, column], { axis: 2 }, { outputs: ["scores"] }), {
        dtype: "float32",
        shape: ["N", 2, 1],
      });
      return modelOf(builder);
    };
    const a = detector(0);
    const data = dataFor(a, [1, 2, 4], [0, 0, 1, 1, 5, 5, 9, 0.2]);
    const detections = { boxes: "boxes", scores: "scores" };
    const options = { ...reference, data, maxError: 9 };
    const found = (await verify(a, detector(0.1), { ...options, detections })).detections!;
    expect(found).toMatchObject({ ...detections, a: 1, b: 1, matched: 1 });
    expect(found.meanOverlap).toBeCloseTo(0.81 / 1.19, 5);
    await expect(
      verify(a, a, { ...options, detections: { boxes: "box", scores: "scores" } }),
    ).rejects.toMatchObject({ code: "E_UNKNOWN_OUTPUT", exitCode: 2 });
  });

  it("stops when told to", async () => {
    const a = linearModel(identity);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(verify(a, a, { ...reference, signal: controller.signal })).rejects.toThrow("enough");
  });
});
