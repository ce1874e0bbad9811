import { describe, expect, it } from "vitest";
import mergePointwiseChain from "../../passes/merge-pointwise-chain.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, model, opsOf, reasonOf, runPasses, weights, type Outcome } from "./rewrite-harness.js";

interface Link {
  readonly dims: readonly number[];
  readonly bias?: boolean;
  readonly attrs?: Readonly<Record<string, number | readonly number[] | string>>;
}

function chain(
  links: readonly Link[],
  type = f64("N", 4, 9, 8),
  between?: (b: GraphBuilder, y: Value) => void,
): Outcome {
  return runPasses(
    model((b) => {
      let y: Value = b.input("x", type);
      links.forEach(({ dims, bias, attrs }, i) => {
        const inputs = [y, b.initializer(`w${i}`, weights(i + 1, dims))];
        if (bias) inputs.push(b.initializer(`b${i}`, weights(i + 20, [dims[0]!])));
        y = b.op("Conv", inputs, attrs ?? {}, { name: `c${i}` });
        if (i === 0) between?.(b, y);
      });
      b.output(y);
    }),
    [mergePointwiseChain],
  );
}

describe("fires", () => {
  it.each<[string, Link, Link]>([
    ["1×1 ∘ 1×1 with biases", { dims: [8, 4, 1, 1], bias: true }, { dims: [3, 8, 1, 1], bias: true }],
    [
      "k×k ∘ 1×1, strides and pads",
      { dims: [8, 4, 3, 2], bias: true, attrs: { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] } },
      { dims: [3, 8, 1, 1], bias: true },
    ],
    [
      "k×k ∘ strided 1×1",
      { dims: [8, 4, 3, 3], bias: true, attrs: { pads: [1, 1, 1, 1], strides: [1, 2] } },
      { dims: [3, 8, 1, 1], attrs: { strides: [2, 3] } },
    ],
    [
      "SAME k×k ∘ strided 1×1",
      { dims: [8, 4, 3, 3], attrs: { auto_pad: "SAME_LOWER", strides: [2, 1] } },
      { dims: [2, 8, 1, 1], attrs: { strides: [2, 2] } },
    ],
    [
      "1×1 without bias ∘ padded k×k",
      { dims: [16, 4, 1, 1] },
      { dims: [3, 16, 3, 3], bias: true, attrs: { pads: [1, 1, 1, 1], strides: [2, 2] } },
    ],
    [
      "1×1 with bias ∘ unpadded k×k",
      { dims: [16, 4, 1, 1], bias: true },
      { dims: [3, 16, 3, 3], attrs: { dilations: [2, 1] } },
    ],
    ["strided 1×1 ∘ 1×1", { dims: [8, 4, 1, 1], attrs: { strides: [2, 3] } }, { dims: [3, 8, 1, 1] }],
    [
      "grouped 1×1 ∘ grouped 1×1 (gcd 2)",
      { dims: [8, 1, 1, 1], bias: true, attrs: { group: 4 } },
      { dims: [6, 4, 1, 1], attrs: { group: 2 } },
    ],
    [
      "grouped k×k ∘ its own groups",
      { dims: [8, 2, 3, 3], attrs: { group: 2 } },
      { dims: [4, 4, 1, 1], bias: true, attrs: { group: 2 } },
    ],
  ])("%s", (_, a, b) => {
    const out = chain([a, b]);
    expect(opsOf(out.after)).toEqual(["Conv"]);
  });

  it("1-D and 3-D", () => {
    expect(
      opsOf(
        chain([{ dims: [8, 4, 1] }, { dims: [3, 8, 3], attrs: { pads: [1, 1] } }], f64("N", 4, 12)).after,
      ),
    ).toEqual(["Conv"]);
    const three = chain(
      [
        { dims: [8, 4, 2, 1, 3], bias: true, attrs: { pads: [0, 0, 1, 1, 0, 1] } },
        { dims: [2, 8, 1, 1, 1], bias: true },
      ],
      f64("N", 4, 4, 3, 6),
    );
    expect(opsOf(three.after)).toEqual(["Conv"]);
  });

  it("Gemm and MatMul, over and over", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4));
        const y = b.op(
          "Gemm",
          [x, b.initializer("w0", weights(1, [9, 4])), b.initializer("b0", weights(2, [9]))],
          { transB: 1 },
        );
        const z = b.op("MatMul", [y, b.initializer("w1", weights(3, [9, 8]))]);
        b.output(b.op("Gemm", [z, b.initializer("w2", weights(4, [8, 2]))]));
      }),
      [mergePointwiseChain],
    );
    expect(opsOf(out.after)).toEqual(["Gemm"]);
  });
});

describe("declines", () => {
  it("a bottleneck, which costs less apart", () => {
    const out = chain([{ dims: [2, 4, 1, 1] }, { dims: [8, 2, 1, 1] }]);
    expect(reasonOf(out, "c1")).toContain("raise MACs");
  });

  it("a strided 1×1 behind a bigger convolution is counted at both resolutions", () => {
    // Apart: 81·8·4·9 + 25·3·8; merged: 25·3·4·9.
    expect(
      opsOf(
        chain([
          { dims: [8, 4, 3, 3], attrs: { pads: [1, 1, 1, 1] } },
          { dims: [3, 8, 1, 1], attrs: { strides: [2, 2] } },
        ]).after,
      ),
    ).toEqual(["Conv"]);
  });

  it("a bias that does not reach the pads", () => {
    const out = chain([
      { dims: [16, 4, 1, 1], bias: true },
      { dims: [3, 16, 3, 3], attrs: { pads: [1, 0, 0, 0] } },
    ]);
    expect(reasonOf(out, "c1")).toContain("does not reach the pads");
  });

  it("two bigger kernels, and pads on a 1×1", () => {
    expect(reasonOf(chain([{ dims: [8, 4, 3, 3] }, { dims: [3, 8, 3, 3] }]), "c1")).toContain(
      "1×1 without pads",
    );
    expect(
      reasonOf(chain([{ dims: [8, 4, 3, 3] }, { dims: [3, 8, 1, 1], attrs: { pads: [1, 1, 1, 1] } }]), "c1"),
    ).toContain("1×1 without pads");
    expect(
      reasonOf(chain([{ dims: [8, 4, 1, 1], attrs: { strides: [2, 2] } }, { dims: [3, 8, 3, 3] }]), "c1"),
    ).toContain("1×1 without pads");
  });

  it("an intermediate value that is read elsewhere", () => {
    const out = chain([{ dims: [8, 4, 1, 1] }, { dims: [3, 8, 1, 1] }], undefined, (b, y) =>
      b.output(b.op("Relu", [y])),
    );
    expect(reasonOf(out, "c1")).toContain("read elsewhere");
  });
});

describe("at the borders", () => {
  it("says what merging would cost", () => {
    // 72 positions: apart 2·4 + 8·2 each, merged 8·4.
    const out = chain([{ dims: [2, 4, 1, 1] }, { dims: [8, 2, 1, 1] }]);
    expect(reasonOf(out, "c1")).toBe("merging would raise MACs from 1728 to 2304");
  });

  it("a stride along one axis only", () => {
    const out = chain([
      { dims: [8, 4, 3, 3], attrs: { pads: [1, 0, 1, 0] } },
      { dims: [3, 8, 1, 1], attrs: { strides: [1, 2] } },
    ]);
    expect(opsOf(out.after)).toEqual(["Conv"]);
    expect(out.after.graph.nodes[0]!.attributes.get("strides")).toMatchObject({ value: [1, 2] });
  });

  it("pads that depend on an open size stay where they are, unless a stride has to go through them", () => {
    const same = (strides: number[]): Outcome =>
      chain(
        [
          { dims: [8, 4, 3, 3], attrs: { auto_pad: "SAME_UPPER", strides: [2, 2] } },
          { dims: [3, 8, 1, 1], attrs: { strides } },
        ],
        f64("N", 4, "H", 9),
      );
    const kept = same([1, 1]);
    expect(opsOf(kept.after)).toEqual(["Conv"]);
    expect(kept.after.graph.nodes[0]!.attributes.get("auto_pad")).toMatchObject({ value: "SAME_UPPER" });
    expect(reasonOf(same([2, 2]), "c1")).toContain("pads of");
  });

  it("weights whose product leaves the range of float16", () => {
    const out = runPasses(
      model((b) => {
        const half = (name: string, dims: number[]): Value =>
          b.initializer(name, Tensor.floats("float16", dims, new Float64Array(16).fill(300)));
        const y = b.op("Conv", [
          b.input("x", { dtype: "float16", shape: ["N", 4, 3, 3] }),
          half("a", [4, 4, 1, 1]),
        ]);
        b.output(b.op("Conv", [y, half("b", [4, 4, 1, 1])], {}, { name: "c1" }));
      }),
      [mergePointwiseChain],
      { interpret: false },
    );
    expect(reasonOf(out, "c1")).toContain("range of float16");
  });

  it("weights that are not constant, on either side", () => {
    const changing = (first: boolean): Outcome =>
      runPasses(
        model((b) => {
          const fixed = (name: string): Value => b.initializer(name, weights(2, [4, 4, 1, 1]));
          const open = b.input("open", f64(4, 4, 1, 1));
          const y = b.op(
            "Conv",
            [b.input("x", f64("N", 4, 3, 3)), first ? open : fixed("a")],
            {},
            { name: "c0" },
          );
          b.output(b.op("Conv", [y, first ? fixed("b") : open], {}, { name: "c1" }));
        }),
        [mergePointwiseChain],
      );
    expect(reasonOf(changing(true), "c1")).toBe('of "c0": its weights are not constant');
    expect(reasonOf(changing(false), "c1")).toBe("its weights are not constant");
  });
});
