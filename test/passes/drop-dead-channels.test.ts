import { describe, expect, it } from "vitest";
import dropDeadChannels from "../../passes/drop-dead-channels.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, model, numbers, opsOf, reasonOf, runPasses, weights, type Outcome } from "./rewrite-harness.js";

/** A weight O × I × k × k with some output channels zeroed. */
function withZeroRows(
  seed: number,
  dims: readonly [number, number, number, number],
  zero: readonly number[],
): Tensor {
  const values = numbers(seed, dims[0] * dims[1] * dims[2] * dims[3]);
  const row = values.length / dims[0];
  for (const o of zero) values.fill(0, o * row, (o + 1) * row);
  return Tensor.floats("float64", dims, values);
}

function withZeroColumns(
  seed: number,
  dims: readonly [number, number, number, number],
  zero: readonly number[],
): Tensor {
  const values = numbers(seed, dims[0] * dims[1] * dims[2] * dims[3]);
  const taps = dims[2] * dims[3];
  for (let o = 0; o < dims[0]; o++) {
    for (const i of zero) values.fill(0, (o * dims[1] + i) * taps, (o * dims[1] + i + 1) * taps);
  }
  return Tensor.floats("float64", dims, values);
}

interface Parts {
  readonly first?: Tensor;
  readonly bias?: number[];
  readonly between?: (b: GraphBuilder, x: Value) => Value;
  readonly second?: Tensor;
  readonly pads?: number[];
}

/** Conv 3→6, something channelwise, Conv 6→5. */
function pair({ first, bias, between, second, pads }: Parts): Outcome {
  return runPasses(
    model((b) => {
      const x = b.input("x", f64("N", 3, 9, 9));
      const inputs = [x, b.initializer("w1", first ?? weights(1, [6, 3, 3, 3]))];
      if (bias) inputs.push(b.initializer("b1", Tensor.floats("float64", [bias.length], bias)));
      const y = b.op("Conv", inputs, {}, { name: "first" });
      const z = between ? between(b, y) : b.op("Relu", [y]);
      b.output(
        b.op("Conv", [z, b.initializer("w2", second ?? weights(2, [5, 6, 3, 3]))], pads ? { pads } : {}, {
          name: "second",
        }),
      );
    }),
    [dropDeadChannels],
  );
}

const channels = (out: Outcome): number => out.after.graph.node("first")!.input(1)!.initializer!.dims[0]!;

describe("fires", () => {
  it("on channels that are never read", () => {
    expect(channels(pair({ second: withZeroColumns(2, [5, 6, 3, 3], [0, 4]), pads: [1, 1, 1, 1] }))).toBe(4);
  });

  it("on zero channels, even in front of pads", () => {
    const out = pair({ first: withZeroRows(1, [6, 3, 3, 3], [2, 3]), pads: [1, 1, 1, 1] });
    expect(channels(out)).toBe(4);
    expect(out.entries[0]!.reason).toBe("2 of 6 channels: 2 constant");
  });

  it("on constant channels, whose share goes into the bias behind", () => {
    const out = pair({ first: withZeroRows(1, [6, 3, 3, 3], [1]), bias: [0, 0.75, 0, 0, 0, 0] });
    expect(channels(out)).toBe(5);
    expect(out.after.graph.node("second")!.input(2)).not.toBeNull();
  });

  it("on duplicates, whose columns are summed", () => {
    const values = numbers(1, 6 * 27);
    values.copyWithin(4 * 27, 27, 2 * 27);
    const out = pair({ first: Tensor.floats("float64", [6, 3, 3, 3], values), pads: [1, 1, 1, 1] });
    expect(channels(out)).toBe(5);
    expect(out.entries[0]!.reason).toContain("1 duplicate");
  });

  it.each([
    ["as many stay as fill the block", [0, 4, 9, 11, 30], 32],
    ["whole blocks go", Array.from({ length: 18 }, (_, i) => i), 16],
    ["all go where that saves a third", Array.from({ length: 14 }, (_, i) => 2 * i), 18],
  ] as const)("on channels in blocks: %s", (_, dead, left) => {
    // Half of the dead ones are constant, some are copies of another: none may be counted twice.
    const rows = numbers(1, 32 * 27);
    for (const c of dead.slice(0, 2)) rows.copyWithin(c * 27, 31 * 27, 32 * 27);
    const bias = [...numbers(3, 32)];
    for (const c of dead.slice(0, 2)) bias[c] = bias[31]!;
    const constant = dead.slice(2, Math.ceil(dead.length / 2) + 1);
    for (const c of constant) rows.fill(0, c * 27, (c + 1) * 27);
    const out = pair({
      first: Tensor.floats("float64", [32, 3, 3, 3], rows),
      bias,
      second: withZeroColumns(2, [5, 32, 3, 3], dead.slice(constant.length + 2)),
    });
    expect(channels(out)).toBe(left);
  });

  it("through BatchNormalization, PRelu, a depthwise convolution, pools and a residual sum", () => {
    const between = (b: GraphBuilder, x: Value): Value => {
      const stats = [3, 4, 5, 6].map((seed) =>
        b.initializer(
          `s${seed}`,
          Tensor.floats(
            "float64",
            [6],
            numbers(seed, 6).map((v) => v * v + 0.2),
          ),
        ),
      );
      const y = b.op("BatchNormalization", [x, ...stats]);
      const p = b.op("PRelu", [y, b.initializer("slope", weights(7, [6, 1, 1]))]);
      const d = b.op(
        "Conv",
        [p, b.initializer("dw", weights(8, [6, 1, 3, 3]))],
        { group: 6, pads: [1, 1, 1, 1] },
        { name: "dw" },
      );
      return b.op("MaxPool", [b.op("Add", [d, b.op("Sigmoid", [p])])], { kernel_shape: [2, 2] });
    };
    const out = pair({ between, second: withZeroColumns(2, [5, 6, 3, 3], [1, 5]) });
    expect(channels(out)).toBe(4);
    expect(out.after.graph.node("dw")!.input(1)!.initializer!.dims).toEqual([4, 1, 3, 3]);
  });

  it("through Flatten into a Gemm", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 6, 6));
        const y = b.op(
          "Conv",
          [x, b.initializer("w1", withZeroRows(1, [6, 3, 3, 3], [0, 5]))],
          {},
          { name: "first" },
        );
        const flat = b.op("Flatten", [b.op("Relu", [y])]);
        b.output(b.op("Gemm", [flat, b.initializer("w2", weights(2, [96, 4]))], {}, { name: "fc" }));
      }),
      [dropDeadChannels],
    );
    expect(channels(out)).toBe(4);
    expect(out.after.graph.node("fc")!.input(1)!.initializer!.dims).toEqual([64, 4]);
  });

  it("leaves one channel when all are dead", () => {
    expect(channels(pair({ first: Tensor.zeros("float64", [6, 3, 3, 3]) }))).toBe(1);
  });

  it("follows a residual stream through several layers", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 8, 8));
        const stem = b.op(
          "Conv",
          [x, b.initializer("w0", withZeroRows(1, [5, 3, 1, 1], [2]))],
          {},
          { name: "stem" },
        );
        const inner = b.op(
          "Conv",
          [b.op("Relu", [stem]), b.initializer("w1", withZeroRows(2, [5, 5, 3, 3], [2]))],
          { pads: [1, 1, 1, 1] },
          { name: "inner" },
        );
        const sum = b.op("Add", [stem, inner]);
        b.output(
          b.op(
            "Conv",
            [sum, b.initializer("w2", weights(3, [4, 5, 3, 3]))],
            { pads: [1, 1, 1, 1] },
            { name: "head" },
          ),
        );
      }),
      [dropDeadChannels],
    );
    expect(out.after.graph.node("inner")!.input(1)!.initializer!.dims).toEqual([4, 4, 3, 3]);
    expect(out.after.graph.node("head")!.input(1)!.initializer!.dims[1]).toBe(4);
  });
});

describe("keeps", () => {
  it("a constant other than 0 in front of pads", () => {
    const out = pair({
      first: withZeroRows(1, [6, 3, 3, 3], [1]),
      bias: [0, 0.75, 0, 0, 0, 0],
      pads: [1, 1, 1, 1],
    });
    expect(out.applied).toBe(0);
    const sigmoid = pair({
      first: withZeroRows(1, [6, 3, 3, 3], [1]),
      between: (b, x) => b.op("Sigmoid", [x]),
      pads: [0, 0, 0, 1],
    });
    expect(sigmoid.applied).toBe(0);
  });

  it("channels told apart by a parameter on the way", () => {
    const values = numbers(1, 6 * 27);
    values.copyWithin(4 * 27, 27, 2 * 27);
    const between = (b: GraphBuilder, x: Value): Value =>
      b.op("Mul", [x, b.initializer("m", weights(5, [6, 1, 1]))]);
    expect(pair({ first: Tensor.floats("float64", [6, 3, 3, 3], values), between }).applied).toBe(0);
  });

  it("an average that counts pads in, a constant border of another value", () => {
    const first = withZeroRows(1, [6, 3, 3, 3], [1]);
    const bias = [0, 0.75, 0, 0, 0, 0];
    const pool = (b: GraphBuilder, x: Value): Value =>
      b.op("AveragePool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 });
    expect(pair({ first, bias, between: pool }).applied).toBe(0);
    const pad = (b: GraphBuilder, x: Value): Value =>
      b.op("Pad", [x, b.initializer("p", Tensor.i64([8], [0, 0, 1, 1, 0, 0, 1, 1]))]);
    expect(pair({ first, bias, between: pad }).applied).toBe(0);
  });

  it.each<[string, (b: GraphBuilder, y: Value) => void]>([
    ["is an output", (b, y) => b.output(y)],
    ["reads them as a whole", (b, y) => b.output(b.op("Softmax", [y], { axis: 1 }))],
    ["reads them as a whole", (b, y) => b.output(b.op("Concat", [y, y], { axis: 1 }))],
    [
      "reads them in groups",
      (b, y) => b.output(b.op("Conv", [y, b.initializer("g", weights(4, [4, 3, 1, 1]))], { group: 2 })),
    ],
    ["reads it as weights", (b, y) => b.output(b.op("Conv", ["x", y]))],
  ])("channels of which something outside has a say: %s", (reason, use) => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64(6, 3, 3, 3));
        const y = b.op(
          "Conv",
          [x, b.initializer("w1", withZeroRows(1, [6, 3, 1, 1], [2]))],
          {},
          { name: "first" },
        );
        const z = reason.includes("weights")
          ? b.op("Conv", [x, b.initializer("w3", withZeroRows(1, [3, 3, 1, 1], [2]))], {}, { name: "third" })
          : y;
        use(b, z);
        b.output(b.op("Conv", [y, b.initializer("w2", weights(2, [5, 6, 1, 1]))], {}, { name: "second" }));
      }),
      [dropDeadChannels],
    );
    const said = reasonOf(out, reason.includes("weights") ? "third" : "first");
    expect(said).toContain(reason.includes("weights") ? "weights are not constant" : reason);
  });

  it("everything where nothing is dead", () => {
    const out = pair({});
    expect(out.applied).toBe(0);
    expect(opsOf(out.after)).toEqual(["Conv", "Relu", "Conv"]);
  });
});

describe("at the borders", () => {
  const duplicated = (): Tensor => {
    const values = numbers(1, 6 * 27);
    values.copyWithin(4 * 27, 27, 2 * 27);
    return Tensor.floats("float64", [6, 3, 3, 3], values);
  };

  it("duplicates that a depthwise convolution on the way tells apart stay", () => {
    const between = (b: GraphBuilder, x: Value): Value =>
      b.op("Conv", [x, b.initializer("dw", weights(8, [6, 1, 3, 3]))], { group: 6 }, { name: "dw" });
    expect(pair({ first: duplicated(), between }).applied).toBe(0);
    const alike = (b: GraphBuilder, x: Value): Value =>
      b.op(
        "Conv",
        [x, b.initializer("dw", Tensor.floats("float64", [6, 1, 1, 1], new Float64Array(6).fill(2)))],
        { group: 6 },
      );
    expect(channels(pair({ first: duplicated(), between: alike }))).toBe(5);
  });

  it("duplicates that their biases tell apart stay", () => {
    expect(pair({ first: duplicated(), bias: [0, 1, 0, 0, 2, 0] }).applied).toBe(0);
  });

  it("a constant in front of a ConvTranspose, or of pads that depend on an open size, stays", () => {
    const behind = (op: string, attrs: Record<string, string>, size: number | string): Outcome =>
      runPasses(
        model((b) => {
          const x = b.input("x", f64("N", 3, size, 9));
          const bias = b.initializer("b1", Tensor.floats("float64", [6], [0, 0.75, 0, 0, 0, 0]));
          const y = b.op(
            "Conv",
            [x, b.initializer("w1", withZeroRows(1, [6, 3, 3, 3], [1])), bias],
            {},
            { name: "first" },
          );
          b.output(b.op(op, [y, b.initializer("w2", weights(2, [6, 6, 3, 3]))], attrs, { name: "second" }));
        }),
        [dropDeadChannels],
      );
    expect(behind("ConvTranspose", {}, 9).applied).toBe(0);
    expect(behind("Conv", { auto_pad: "SAME_UPPER" }, "H").applied).toBe(0);
    expect(behind("Conv", { auto_pad: "VALID" }, "H").applied).toBe(1);
  });

  it("a channel that is constant for one reader and not read by the other goes", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 6, 6));
        const bias = b.initializer("b1", Tensor.floats("float64", [6], [0, 0.75, 0, 0, 0, 0]));
        const still = b.op(
          "Conv",
          [x, b.initializer("w1", withZeroRows(1, [6, 3, 1, 1], [1])), bias],
          {},
          { name: "first" },
        );
        const moving = b.op(
          "Conv",
          [x, b.initializer("w0", weights(5, [6, 3, 1, 1]))],
          {},
          { name: "other" },
        );
        const mixed = b.op("Add", [still, moving]);
        b.output(
          b.op(
            "Conv",
            [mixed, b.initializer("w2", withZeroColumns(2, [5, 6, 1, 1], [1]))],
            {},
            { name: "sum" },
          ),
        );
        b.output(b.op("Conv", [still, b.initializer("w3", weights(3, [4, 6, 1, 1]))], {}, { name: "alone" }));
      }),
      [dropDeadChannels],
    );
    expect(channels(out)).toBe(5);
    expect(out.after.graph.node("other")!.input(1)!.initializer!.dims[0]).toBe(5);
    expect(out.entries.filter((entry) => entry.verdict === "applied")).toHaveLength(1);
  });

  it("says nothing of a layer whose channels nobody reads", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 6, 6));
        b.output(b.op("Relu", [x]));
        b.op("Relu", [
          b.op("Conv", [x, b.initializer("w1", withZeroRows(1, [6, 3, 1, 1], [1]))], {}, { name: "first" }),
        ]);
      }),
      [dropDeadChannels],
    );
    expect(out.applied).toBe(0);
  });

  it("a channel counts as read at any tap, and the first one may be a copy as well as the last", () => {
    // Column 1 of the reader is zero but for its last tap.
    const columns = withZeroColumns(2, [5, 6, 3, 3], [1]);
    const values = Float64Array.from(columns.numbers);
    values[(2 * 6 + 1) * 9 + 8] = 1;
    expect(pair({ second: Tensor.floats("float64", [5, 6, 3, 3], values) }).applied).toBe(0);
    const copies = numbers(1, 6 * 27);
    copies.copyWithin(5 * 27, 0, 27);
    expect(channels(pair({ first: Tensor.floats("float64", [6, 3, 3, 3], copies) }))).toBe(5);
  });

  it("says how many of each kind went", () => {
    const values = numbers(1, 6 * 27);
    values.copyWithin(4 * 27, 27, 2 * 27).fill(0, 2 * 27, 3 * 27);
    const first = Tensor.floats("float64", [6, 3, 3, 3], values);
    const out = pair({ first, second: withZeroColumns(2, [5, 6, 3, 3], [0]) });
    expect(out.entries[0]!.reason).toBe("3 of 6 channels: 1 unread, 1 constant, 1 duplicate");
  });

  it("a constant goes into the bias of a Gemm, not into a MatMul of matrices", () => {
    const behind = (shape: (string | number)[], transposed: boolean): Outcome =>
      runPasses(
        model((b) => {
          const w1 = Float64Array.from(numbers(1, 30));
          for (let i = 0; i < 5; i++) w1[i * 6 + 2] = 0;
          const x = b.op(
            "MatMul",
            [b.input("x", f64(...shape)), b.initializer("w1", Tensor.floats("float64", [5, 6], w1))],
            {},
            { name: "first" },
          );
          const y = b.op("Sigmoid", [x]);
          const w2 = b.initializer("w2", weights(2, [6, 4]));
          b.output(
            transposed
              ? b.op("Gemm", [y, w2], {}, { name: "fc" })
              : b.op("MatMul", [y, w2], {}, { name: "fc" }),
          );
        }),
        [dropDeadChannels],
      );
    expect(behind(["N", 5], true).applied).toBe(1);
    expect(behind(["N", 5], false).applied).toBe(1);
    expect(behind(["N", 3, 5], false).applied).toBe(0);
  });
});
