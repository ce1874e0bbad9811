import { describe, expect, it } from "vitest";
import exactLowRank from "../../passes/exact-low-rank.js";
import { Tensor, type DType } from "../../src/ir/index.js";
import { f64, model, numbers, opsOf, reasonOf, runPasses, weights, type Outcome } from "./rewrite-harness.js";

/** Σ_r of products of factors given by index functions: a kernel O × I × kh × kw of known structure. */
function kernel(
  dims: readonly [number, number, number, number],
  entry: (o: number, i: number, y: number, x: number) => number,
  dtype: DType = "float64",
): Tensor {
  const [O, I, H, W] = dims;
  const values = new Float64Array(O * I * H * W);
  for (let o = 0; o < O; o++)
    for (let i = 0; i < I; i++)
      for (let y = 0; y < H; y++)
        for (let x = 0; x < W; x++) values[((o * I + i) * H + y) * W + x] = entry(o, i, y, x);
  return Tensor.floats(dtype, dims, values);
}

/** A table of random numbers that is read by any number of indices. */
function table(seed: number): (...index: number[]) => number {
  const values = numbers(seed, 4096);
  return (...index) => values[index.reduce((at, i) => (at * 31 + i * 7 + 3) % 4093, seed)]!;
}

function conv(
  w: Tensor,
  attrs: Readonly<Record<string, number | readonly number[]>> = {},
  bias = true,
): Outcome {
  return runPasses(
    model((b) => {
      const [O, I] = w.dims as [number, number];
      const x = b.input("x", { dtype: w.dtype, shape: ["N", I, 9, 8] });
      const inputs = [x, b.initializer("w", w)];
      if (bias) inputs.push(b.initializer("b", weights(9, [O], w.dtype)));
      b.output(b.op("Conv", inputs, attrs, { name: "conv" }));
    }),
    [exactLowRank],
  );
}

const [p, q, s, t] = [table(1), table(2), table(3), table(4)];
const sum = (rank: number, term: (r: number) => number): number =>
  Array.from({ length: rank }, (_, r) => term(r)).reduce((a, b) => a + b, 0);
const form = (out: Outcome): string => out.entries.find((entry) => entry.verdict === "applied")?.reason ?? "";
const geometry = { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] };

describe("fires", () => {
  it("on few output channels' worth: k×k then 1×1", () => {
    const out = conv(
      kernel([10, 8, 3, 3], (o, i, y, x) => sum(2, (r) => p(o, r) * q(r, i, y, x))),
      geometry,
    );
    expect(form(out)).toContain("reduce-out rank=2");
    expect(opsOf(out.after)).toEqual(["Conv", "Conv"]);
  });

  it("on few input channels' worth: 1×1 then k×k", () => {
    const out = conv(
      kernel([8, 10, 3, 3], (o, i, y, x) => sum(2, (r) => p(i, r) * q(r, o, y, x))),
      geometry,
    );
    expect(form(out)).toContain("reduce-in rank=2");
  });

  it("on both: Tucker-2", () => {
    const out = conv(
      kernel([12, 12, 3, 3], (o, i, y, x) => sum(2, (r) => sum(3, (u) => p(o, r) * q(r, u, y, x) * s(u, i)))),
      geometry,
    );
    expect(form(out)).toContain("bottleneck r1=3 r2=2");
    expect(opsOf(out.after)).toEqual(["Conv", "Conv", "Conv"]);
  });

  it("on taps that separate", () => {
    const out = conv(
      kernel([8, 8, 3, 3], (o, i, y, x) => sum(3, (r) => p(i, y, r) * q(o, x, r))),
      geometry,
    );
    expect(form(out)).toContain("spatially-separable rank=3");
  });

  it("on sums of depthwise-separable terms, and the mirror", () => {
    const separable = conv(
      kernel([12, 6, 3, 3], (o, i, y, x) => sum(2, (r) => p(o, i, r) * q(i, y, x, r))),
      geometry,
    );
    expect(form(separable)).toContain("depthwise-separable terms=2");
    const mirror = conv(
      kernel([6, 12, 3, 3], (o, i, y, x) => sum(2, (r) => p(o, i, r) * q(o, y, x, r))),
      geometry,
    );
    expect(form(mirror)).toContain("pointwise-depthwise terms=2");
  });

  it("on pointwise convolutions and fully connected layers", () => {
    const out = conv(
      kernel([12, 10, 1, 1], (o, i) => sum(3, (r) => p(o, r) * q(r, i))),
      { strides: [2, 2] },
    );
    expect(form(out)).toContain("low-rank-pointwise rank=3");
    for (const op of ["Gemm", "MatMul"]) {
      const w = kernel([10, 12, 1, 1], (o, i) => sum(3, (r) => s(o, r) * t(r, i))).reshape([10, 12]);
      const fc = runPasses(
        model((b) =>
          b.output(b.op(op, [b.input("x", f64("N", 10)), b.initializer("w", w)], {}, { name: "fc" })),
        ),
        [exactLowRank],
      );
      expect(opsOf(fc.after)).toEqual(["Gemm", "Gemm"]);
    }
  });

  it("on float32 weights, whose rounding is noise", () => {
    const out = conv(
      kernel([16, 16, 3, 3], (o, i, y, x) => sum(3, (r) => p(o, r) * q(r, i, y, x)), "float32"),
      geometry,
    );
    expect(form(out)).toContain("reduce-out rank=3");
    expect(out.error).toBeLessThan(1e-6);
  });

  it("falls back to the cheapest of several", () => {
    // Rank 1 in every way: Tucker-2 with one channel is cheapest.
    const out = conv(kernel([8, 8, 3, 3], (o, i, y, x) => p(o) * q(i) * s(y) * t(x)));
    expect(out.macs[1]!).toBeLessThan(out.macs[0]! / 15);
  });
});

describe("declines", () => {
  it("full ranks, ranks that save too little, grouped layers and zero weights", () => {
    expect(reasonOf(conv(weights(1, [8, 8, 3, 3])), "conv")).toContain("no rank");
    expect(
      reasonOf(conv(kernel([8, 8, 1, 1], (o, i) => sum(4, (r) => p(o, r) * q(r, i)))), "conv"),
    ).toContain("no rank");
    expect(reasonOf(conv(Tensor.zeros("float64", [8, 8, 3, 3])), "conv")).toContain("no rank");
    const grouped = runPasses(
      model((b) =>
        b.output(
          b.op(
            "Conv",
            [b.input("x", f64("N", 8, 5, 5)), b.initializer("w", weights(1, [8, 4, 3, 3]))],
            { group: 2 },
            { name: "conv" },
          ),
        ),
      ),
      [exactLowRank],
    );
    expect(reasonOf(grouped, "conv")).toContain("grouped");
  });

  it("a rank that is low only by a thousandth", () => {
    const noise = table(7);
    const w = kernel(
      [10, 8, 3, 3],
      (o, i, y, x) => sum(2, (r) => p(o, r) * q(r, i, y, x)) + 1e-3 * noise(o, i, y, x),
      "float32",
    );
    expect(reasonOf(conv(w), "conv")).toContain("no rank");
  });

  it("half weights", () => {
    const w = kernel([12, 10, 1, 1], (o, i) => sum(3, (r) => p(o, r) * q(r, i)), "float16");
    expect(reasonOf(conv(w), "conv")).toContain("float16");
  });
});

describe("at the borders", () => {
  /** Rank 4 of 10 input channels, 8 outputs, 3×3. */
  const fourOfTen = kernel([8, 10, 3, 3], (o, i, y, x) => sum(4, (r) => p(i, r) * q(r, o, y, x)));
  const at = (height: number | string, width: number | string): Outcome =>
    runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 10, height, width));
        b.output(b.op("Conv", [x, b.initializer("w", fourOfTen)], {}, { name: "conv" }));
      }),
      [exactLowRank],
    );

  it("counts both factors where they run", () => {
    // 9 positions in, 1 out: 4·10·9 + 8·4·9 = 648, nine tenths of 8·10·9.
    expect(at(3, 3).applied).toBe(0);
    // 20 in, 6 out: 4·10·20 + 8·4·9·6 = 2528 of 4320.
    expect(form(at(4, 5))).toContain("reduce-in rank=4");
  });

  it("takes open sizes for large ones", () => {
    expect(form(at("H", "W"))).toContain("reduce-in rank=4");
    expect(form(at(3, "W"))).toContain("reduce-in rank=4");
  });

  it("declines weights that change, and a MatMul of matrices", () => {
    const changing = runPasses(
      model((b) =>
        b.output(
          b.op("Conv", [b.input("x", f64(1, 2, 3, 3)), b.input("w", f64(4, 2, 1, 1))], {}, { name: "conv" }),
        ),
      ),
      [exactLowRank],
    );
    expect(reasonOf(changing, "conv")).toBe("its weights are not constant");
    const w = kernel([10, 12, 1, 1], (o, i) => sum(2, (r) => s(o, r) * t(r, i))).reshape([10, 12]);
    const batched = runPasses(
      model((b) =>
        b.output(b.op("MatMul", [b.input("x", f64("N", 3, 10)), b.initializer("w", w)], {}, { name: "fc" })),
      ),
      [exactLowRank],
    );
    expect(reasonOf(batched, "fc")).toBe("it is a batched MatMul");
  });

  it("declines pads that depend on an open size", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 10, "H", 9));
        const attrs = { auto_pad: "SAME_UPPER", strides: [2, 2] };
        b.output(b.op("Conv", [x, b.initializer("w", fourOfTen)], attrs, { name: "conv" }));
      }),
      [exactLowRank],
    );
    expect(reasonOf(out, "conv")).toBe("its pads are unknown");
  });
});
