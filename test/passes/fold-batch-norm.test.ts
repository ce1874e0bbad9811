import { describe, expect, it } from "vitest";
import foldBatchNorm from "../../passes/fold-batch-norm.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, model, numbers, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

/** A BatchNormalization with random statistics, one gamma negative and one zero. */
function batchNorm(
  b: GraphBuilder,
  x: Value,
  channels: number,
  name = "bn",
  o: { mean?: number; attrs?: Record<string, number> } = {},
): Value {
  const gamma = numbers(5, channels);
  gamma[0] = -1.5;
  if (channels > 1) gamma[1] = 0;
  const [shift, mean] = [
    numbers(6, channels),
    o.mean === undefined ? numbers(7, channels) : new Float64Array(channels),
  ];
  const variance = numbers(8, channels).map((v) => v * v + 0.1);
  const inputs = [gamma, o.mean === undefined ? shift : new Float64Array(channels), mean, variance].map(
    (values, i) => b.initializer(`${name}.${i}`, Tensor.floats("float64", [channels], values)),
  );
  return b.op("BatchNormalization", [x, ...inputs], o.attrs ?? {}, { name });
}

describe("fires", () => {
  it("behind a strided, dilated, grouped convolution with a bias, which keeps its name", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 6, 11, 12));
        const w = b.initializer("w", weights(1, [4, 3, 3, 2]));
        const bias = b.initializer("b", weights(2, [4]));
        const y = b.op(
          "Conv",
          [x, w, bias],
          { group: 2, strides: [2, 1], dilations: [1, 2], pads: [1, 0, 2, 3] },
          { name: "conv" },
        );
        b.output(batchNorm(b, y, 4), f64("N", 4, 6, 13));
      }),
      [foldBatchNorm],
    );
    expect(opsOf(out.after)).toEqual(["Conv"]);
    expect(out.after.graph.nodes[0]!.name).toBe("conv");
    expect(out.entries.filter((entry) => entry.verdict === "applied")).toHaveLength(1);
  });

  it("computes a∘W and a∘b + c by hand", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64(1, 1, 2, 2));
        const w = b.initializer("w", Tensor.floats("float64", [1, 1, 1, 1], [3]));
        const y = b.op("Conv", [x, w], {}, { name: "conv" });
        const stats = [2, 5, 1, 3.99999].map((v, i) =>
          b.initializer(`s${i}`, Tensor.floats("float64", [1], [v])),
        );
        b.output(b.op("BatchNormalization", [y, ...stats], {}, { name: "bn" }), f64(1, 1, 2, 2));
      }),
      [foldBatchNorm],
    );
    // a = 2 / √(3.99999 + 1e-5) = 1; W = 3; c = 5 − 1·1 = 4
    const conv = out.after.graph.nodes[0]!;
    expect(conv.input(1)!.initializer!.numbers[0]).toBeCloseTo(3, 12);
    expect(conv.input(2)!.initializer!.numbers[0]).toBeCloseTo(4, 12);
  });

  it.each([
    ["1-D", [5], f64("N", 3, 17), [4, 3, 5]],
    ["3-D", [2, 3, 2], f64("N", 3, 6, 7, 5), [4, 3, 2, 3, 2]],
  ])("behind a %s convolution", (_, kernel, type, dims) => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", type);
        const y = b.op("Conv", [x, b.initializer("w", weights(1, dims))], {}, { name: "conv" });
        b.output(batchNorm(b, y, 4));
      }),
      [foldBatchNorm],
    );
    expect(kernel.length).toBe(dims.length - 2);
    expect(opsOf(out.after)).toEqual(["Conv"]);
  });

  it("behind a grouped ConvTranspose with output padding", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 6, 5, 5));
        const w = b.initializer("w", weights(1, [6, 4, 3, 3]));
        const attrs = { group: 2, strides: [2, 2], output_padding: [1, 1], pads: [1, 0, 0, 1] };
        const y = b.op("ConvTranspose", [x, w], attrs, { name: "up" });
        b.output(batchNorm(b, y, 8));
      }),
      [foldBatchNorm],
    );
    expect(opsOf(out.after)).toEqual(["ConvTranspose"]);
  });

  it.each([0, 1])("behind a Gemm with alpha, beta and transB = %i", (transB) => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 5));
        const w = b.initializer("w", weights(1, transB ? [4, 5] : [5, 4]));
        const attrs = {
          transB,
          alpha: { kind: "float", value: 0.5 } as const,
          beta: { kind: "float", value: 2 } as const,
        };
        const y = b.op("Gemm", [x, w, b.initializer("b", weights(2, [1, 4]))], attrs, { name: "fc" });
        b.output(batchNorm(b, y, 4));
      }),
      [foldBatchNorm],
    );
    expect(opsOf(out.after)).toEqual(["Gemm"]);
    expect(out.after.graph.nodes[0]!.attributes.has("alpha")).toBe(false);
  });

  it("behind a MatMul, which becomes a Gemm", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 5));
        const y = b.op("MatMul", [x, b.initializer("w", weights(1, [5, 4]))], {}, { name: "fc" });
        b.output(batchNorm(b, y, 4));
      }),
      [foldBatchNorm],
    );
    expect(opsOf(out.after)).toEqual(["Gemm"]);
  });

  it("in front of an unpadded convolution, and of a padded one without a shift", () => {
    for (const [pads, mean] of [
      [[0, 0, 0, 0], undefined],
      [[1, 1, 1, 1], 0],
    ] as const) {
      const out = runPasses(
        model((b) => {
          const x = b.input("x", f64("N", 4, 6, 6));
          const y = batchNorm(b, x, 4, "bn", mean === undefined ? {} : { mean });
          b.output(
            b.op(
              "Conv",
              [y, b.initializer("w", weights(1, [6, 2, 3, 3]))],
              { pads, group: 2 },
              { name: "conv" },
            ),
          );
        }),
        [foldBatchNorm],
      );
      expect(opsOf(out.after)).toEqual(["Conv"]);
    }
  });

  it("gives only the rewritten node new weights when several share them", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 6, 6));
        const w = b.initializer("w", weights(1, [4, 3, 3, 3]));
        b.output(batchNorm(b, b.op("Conv", [x, w], {}, { name: "first" }), 4));
        b.output(b.op("Conv", [x, w], {}, { name: "second" }));
      }),
      [foldBatchNorm],
    );
    const { graph } = out.after;
    expect(graph.node("second")!.input(1)!.name).toBe("w");
    expect(graph.node("first")!.input(1)!.name).not.toBe("w");
    expect(graph.value("w")!.initializer!.data).toBe(out.before.graph.value("w")!.initializer!.data);
  });

  it("rounds half weights once", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", { dtype: "float16", shape: ["N", 3, 6, 6] });
        const y = b.op(
          "Conv",
          [x, b.initializer("w", weights(1, [4, 3, 3, 3], "float16"))],
          {},
          { name: "conv" },
        );
        const stats = [1.3, 0.2, 0.1, 0.9].map((v, i) =>
          b.initializer(`s${i}`, Tensor.floats("float16", [4], new Float64Array(4).fill(v))),
        );
        b.output(b.op("BatchNormalization", [y, ...stats], {}, { name: "bn" }));
      }),
      [foldBatchNorm],
    );
    expect(out.after.graph.nodes[0]!.input(1)!.initializer!.dtype).toBe("float16");
  });
});

describe("declines", () => {
  const conv = (b: GraphBuilder, attrs = {}): Value =>
    b.op("Conv", [b.input("x", f64("N", 4, 6, 6)), b.initializer("w", weights(1, [4, 4, 3, 3]))], attrs, {
      name: "conv",
    });

  it("when the convolution's output is read elsewhere, or is an output itself", () => {
    const read = runPasses(
      model((b) => {
        const y = conv(b);
        b.output(batchNorm(b, y, 4));
        b.output(b.op("Relu", [y]));
      }),
      [foldBatchNorm],
    );
    expect(reasonOf(read, "bn")).toContain("read elsewhere");
    const output = runPasses(
      model((b) => {
        const y = conv(b);
        b.output(y);
        b.output(batchNorm(b, y, 4));
      }),
      [foldBatchNorm],
    );
    expect(reasonOf(output, "bn")).toContain("read elsewhere");
  });

  it("when the shift would be missing in the pads of the convolution behind", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4, 6, 6));
        const y = batchNorm(b, x, 4);
        b.output(
          b.op(
            "Conv",
            [y, b.initializer("w", weights(1, [4, 4, 3, 3]))],
            { pads: [1, 0, 0, 0] },
            { name: "conv" },
          ),
        );
      }),
      [foldBatchNorm],
    );
    expect(out.applied).toBe(0);
    expect(reasonOf(out, "bn")).toContain("missing in the pads");
  });

  it("in training mode, with overridable statistics, and for a variance below zero", () => {
    const training = model((b) => b.output(batchNorm(b, conv(b), 4, "bn", { attrs: { training_mode: 1 } })));
    expect(reasonOf(runPasses(training, [foldBatchNorm], { interpret: false }), "bn")).toContain("training");
    const overridable = model((b) => {
      const y = batchNorm(b, conv(b), 4);
      b.input("bn.1", f64(4));
      b.output(y);
    });
    expect(reasonOf(runPasses(overridable, [foldBatchNorm]), "bn")).toContain("not constant");
    const negative = model((b) => {
      const stats = [1, 0, 0, -1].map((v, i) =>
        b.initializer(`s${i}`, Tensor.floats("float64", [4], new Float64Array(4).fill(v))),
      );
      b.output(b.op("BatchNormalization", [conv(b), ...stats], {}, { name: "bn" }));
    });
    expect(reasonOf(runPasses(negative, [foldBatchNorm], { interpret: false }), "bn")).toContain(
      "not finite",
    );
  });

  it("when the folded weights would overflow float16", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", { dtype: "float16", shape: ["N", 3, 6, 6] });
        const y = b.op(
          "Conv",
          [x, b.initializer("w", weights(1, [4, 3, 3, 3], "float16", 1000))],
          {},
          { name: "conv" },
        );
        const stats = [60000, 0, 0, 0.001].map((v, i) =>
          b.initializer(`s${i}`, Tensor.floats("float16", [4], new Float64Array(4).fill(v))),
        );
        b.output(b.op("BatchNormalization", [y, ...stats], {}, { name: "bn" }));
      }),
      [foldBatchNorm],
      { interpret: false },
    );
    expect(reasonOf(out, "bn")).toContain("range of float16");
  });

  it("what the user left out", () => {
    const m = model((b) => b.output(batchNorm(b, conv(b), 4)));
    const skipped = runPasses(m, [foldBatchNorm], { skip: ["con*"] });
    expect(skipped.entries[0]).toMatchObject({ by: "user", verdict: "declined" });
    expect(runPasses(m, [foldBatchNorm], { only: ["other"] }).applied).toBe(0);
    expect(runPasses(m, [foldBatchNorm], { only: ["conv"] }).applied).toBe(1);
  });
});

describe("older operator sets", () => {
  const old = (
    opset: number,
    attrs: Record<string, number>,
    outputs: readonly string[] = ["y"],
    dims = [4],
  ) =>
    runPasses(
      model(
        (b) => {
          const x = b.input("x", f64(2, 4, 6, 6));
          const y = b.op("Conv", [x, b.initializer("w", weights(1, [4, 4, 3, 3]))], {}, { name: "conv" });
          const stats = [1.5, 0.2, 0.1, 0.9].map((v, i) =>
            b.initializer(
              `s${i}`,
              Tensor.floats("float64", dims, new Float64Array(4 ** dims.length).fill(v)),
            ),
          );
          const bn = b.node("BatchNormalization", [y, ...stats], attrs, {
            name: "bn",
            outputs: [...outputs],
          });
          for (const output of bn.outputs) if (output) b.output(output);
        },
        { opset, ir: 3 },
      ),
      [foldBatchNorm],
      { interpret: false },
    );

  it("before 7 it trains unless is_test is set", () => {
    expect(opsOf(old(6, { is_test: 1 }).after)).toEqual(["Conv"]);
    expect(reasonOf(old(6, { is_test: 0 }), "bn")).toContain("training");
    expect(reasonOf(old(6, {}), "bn")).toContain("training");
    expect(opsOf(old(7, {}).after)).toEqual(["Conv"]);
  });

  it("until 8 it may normalise each position by itself", () => {
    expect(opsOf(old(8, { spatial: 1 }).after)).toEqual(["Conv"]);
    expect(reasonOf(old(8, { spatial: 0 }, ["y"], [4, 4, 4]), "bn")).toContain("spatial = 0");
  });

  it("its statistics may be read", () => {
    expect(reasonOf(old(9, {}, ["y", "m", "v"]), "bn")).toBe("its statistics are read");
    expect(opsOf(old(9, {}, ["y", ""]).after)).toEqual(["Conv"]);
  });
});

describe("a shift that is not finite", () => {
  it("is declined", () => {
    const out = runPasses(
      model((b) => {
        const y = b.op("Conv", [b.input("x", f64(1, 4, 6, 6)), b.initializer("w", weights(1, [4, 4, 3, 3]))]);
        const stats = [1, Infinity, 0, 1].map((v, i) =>
          b.initializer(`s${i}`, Tensor.floats("float64", [4], new Float64Array(4).fill(v))),
        );
        b.output(b.op("BatchNormalization", [y, ...stats], {}, { name: "bn" }));
      }),
      [foldBatchNorm],
      { interpret: false },
    );
    expect(reasonOf(out, "bn")).toContain("not finite");
  });
});
