import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import {
  FitTarget,
  SampledCovariance,
  WholeCovariance,
  type ConvLayer,
  type Covariance,
} from "../../src/forms/index.js";
import { matrix, multiply, type Matrix } from "../../src/linalg/index.js";
import { openExecutor, type Executor } from "../../src/runtime/index.js";
import { proposalsFor } from "../../src/search/candidates.js";
import { efforts } from "../../src/search/efforts.js";
import { fitJob } from "../../src/search/fit-job.js";
import { RuntimeProducts } from "../../src/search/products.js";
import { values } from "./random-forms.js";

const rows = matrix(6, 1030, values(6 * 1030));

function pointwise(inChannels: number, outChannels: number): ConvLayer {
  return {
    spec: { inChannels, outChannels, kernel: [], strides: [], dilations: [], pads: [], group: 1 },
    ...{ name: "fc", op: "Gemm", weight: new Float64Array(inChannels * outChannels).fill(1) },
    ...{ bias: new Float64Array(outChannels), dtype: "float32", inputShape: [], outputShape: [] },
    macs: inChannels * outChannels,
  };
}

describe("products in a covariance's metric", () => {
  const kinds: [string, Covariance][] = [
    ["whole", new WholeCovariance(multiply(rows, rows, { transA: true }))],
    ["kept as patches", new SampledCovariance(rows)],
  ];
  it.each(kinds)("are the same on the runtime: %s", async (_, covariance) => {
    const products = new RuntimeProducts((model) => openExecutor(model, { engine: "ort" }));
    const elsewhere = products.of(covariance)!;
    const probe = matrix(3, 1030, values(3 * 1030));
    const [got, expected] = [await elsewhere.inMetric(probe), covariance.times(probe)];
    await products.dispose();
    for (let i = 0; i < expected.data.length; i++) expect(got.data[i]).toBeCloseTo(expected.data[i]!, 8);
  });

  it("hold their covariance in the runtime until they are released, and again when asked again", async () => {
    const open = new Set<Executor>();
    const products = new RuntimeProducts(async (model) => {
      const executor = await openExecutor(model, { engine: "ort" });
      open.add(executor);
      const dispose = async (): Promise<void> => (open.delete(executor), executor.dispose());
      return { ...executor, run: (feeds) => executor.run(feeds), dispose };
    });
    const covariance = kinds[0]![1];
    const layer = pointwise(1030, 2);
    const kernel = matrix(2, 1030, layer.weight);
    const target = new FitTarget(layer.spec, kernel, covariance, 0, products.of(covariance));
    const ask = async (): Promise<unknown> => [
      await target.inMetric(kernel),
      target.output(1).rest,
      target.power,
    ];
    const first = await ask();
    expect(open.size).toBe(1);
    await target.release();
    expect(open.size).toBe(0);
    expect(await ask()).toEqual(first);
    expect(open.size).toBe(1);
    await products.dispose();
    expect(open.size).toBe(0);
  });

  it("need the runtime for rows only that are not mostly zeros", async () => {
    const asked: number[] = [];
    const covariance = kinds[0]![1];
    const never = {
      inMetric: async (error: Matrix) => (asked.push(error.rows), covariance.times(error)),
      multiplyTransposed: async (a: Matrix, b: Matrix) => (
        asked.push(b.rows),
        multiply(a, b, { transB: true })
      ),
      release: async () => undefined,
    };
    const layer = pointwise(1030, 2);
    const target = new FitTarget(layer.spec, matrix(2, 1030, layer.weight), covariance, 0, never);
    const few = matrix(5, 1030);
    for (let i = 0; i < 5; i++) few.data[i * 1030 + 7 * i] = i + 1;
    const full = matrix(3, 1030, values(3 * 1030));
    const got = [await target.inMetric(few), await target.multiply(full, few)];
    expect(asked).toEqual([]);
    const expected = [covariance.times(few), multiply(full, few, { transB: true })];
    for (const [k, { data }] of expected.entries())
      for (let i = 0; i < data.length; i++) expect(got[k]!.data[i]).toBeCloseTo(data[i]!, 9);
    await target.inMetric(full);
    await target.multiply(few, full);
    expect(asked).toEqual([3, 3]);
  });

  it("are no job for other threads where the patches are kept", () => {
    const layer = pointwise(1030, 2);
    const job = (covariance: Covariance | null) =>
      fitJob(
        "candidates",
        layer,
        [new FitTarget(layer.spec, matrix(2, 1030, layer.weight), covariance)],
        preset.families,
        efforts.fast.fit,
        null,
      );
    expect(job(new SampledCovariance(rows))).toBeNull();
    expect(job(new WholeCovariance(matrix(1030, 1030)))!.covariances).toHaveLength(1);
    expect(job(null)!.covariances).toBeNull();
  });
});

describe("layers of millions of weights", () => {
  it("get low-rank forms, and the others say why not", () => {
    const { plans, declined } = proposalsFor(pointwise(4096, 2049), preset.families, { sizes: 4 });
    expect([...new Set(plans.map(({ family }) => family))]).toEqual(["low-rank-pointwise"]);
    expect(declined.find(({ family }) => family === "grouped")!.reason).toBe(
      "the layer has 8,392,704 weights; such forms are fitted to 8,388,608 at most",
    );
    const small = proposalsFor(pointwise(4096, 2048), preset.families, { sizes: 4 });
    expect(small.plans.map(({ family }) => family)).toContain("grouped");
  });
});
