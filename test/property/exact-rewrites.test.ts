import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import exactGrouping from "../../passes/exact-grouping.js";
import exactDepthwise from "../../passes/exact-depthwise.js";
import { Tensor, type GraphBuilder, type Model, type Value } from "../../src/ir/index.js";
import { blockDiagonal } from "../passes/block-diagonal.js";
import { model, numbers, runPasses, weights } from "../passes/rewrite-harness.js";

/*
 * Random small nets of everything that exact rewrites look at. The harness checks each run: equal outputs, the
 * interface, MACs, a second run that changes nothing, determinism.
 */

interface Layer {
  readonly kind: "conv" | "depthwise" | "pointwise";
  readonly out: number;
  readonly group: number;
  readonly bias: boolean;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly zeroRows: boolean;
  readonly copies: boolean;
  readonly behind:
    "none" | "bn" | "mul" | "add" | "sub" | "identity" | "relu" | "bn-relu" | "residual" | "branch";
  readonly seed: number;
}

const arbLayer = (rank: number): fc.Arbitrary<Layer> =>
  fc.record({
    kind: fc.constantFrom("conv", "depthwise", "pointwise"),
    out: fc.constantFrom(1, 2, 4, 6),
    group: fc.constantFrom(1, 1, 2),
    bias: fc.boolean(),
    kernel: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: rank, maxLength: rank }),
    strides: fc.array(fc.constantFrom(1, 1, 2), { minLength: rank, maxLength: rank }),
    dilations: fc.array(fc.constantFrom(1, 1, 2), { minLength: rank, maxLength: rank }),
    pads: fc.array(fc.constantFrom(0, 0, 1), { minLength: 2 * rank, maxLength: 2 * rank }),
    zeroRows: fc.boolean(),
    copies: fc.boolean(),
    behind: fc.constantFrom(
      "none",
      "bn",
      "mul",
      "add",
      "sub",
      "identity",
      "relu",
      "bn-relu",
      "residual",
      "branch",
    ),
    seed: fc.integer({ min: 1, max: 1000 }),
  });

function weightOf(layer: Layer, dims: readonly number[]): Tensor {
  const values = numbers(
    layer.seed,
    dims.reduce((a, b) => a * b, 1),
  );
  const row = values.length / dims[0]!;
  if (layer.zeroRows) values.fill(0, 0, row);
  if (layer.copies && dims[0]! > 2) values.copyWithin(row, 2 * row, 3 * row);
  return Tensor.floats("float64", dims, values);
}

function addLayer(b: GraphBuilder, x: Value, channels: number, layer: Layer, index: number): [Value, number] {
  const rank = layer.kernel.length;
  const ones = Array<number>(rank).fill(1);
  const depthwise = layer.kind === "depthwise";
  const group = depthwise
    ? channels
    : channels % layer.group === 0 && layer.out % layer.group === 0
      ? layer.group
      : 1;
  const out = depthwise ? channels : layer.out;
  const kernel = layer.kind === "pointwise" ? ones : layer.kernel;
  const attrs =
    layer.kind === "pointwise"
      ? { group }
      : { group, strides: layer.strides, dilations: layer.dilations, pads: layer.pads };
  const name = `l${index}`;
  const inputs = [x, b.initializer(`${name}.w`, weightOf(layer, [out, channels / group, ...kernel]))];
  if (layer.bias) inputs.push(b.initializer(`${name}.b`, weights(layer.seed + 1, [out])));
  const y = b.op("Conv", inputs, attrs, { name });
  const perChannel = (seed: number): Value =>
    b.initializer(`${name}.c${seed}`, weights(layer.seed + seed, [out, ...ones]));
  const norm = (): Value => {
    const stats = [3, 4, 5, 6].map((s) =>
      b.initializer(
        `${name}.s${s}`,
        Tensor.floats(
          "float64",
          [out],
          numbers(layer.seed + s, out).map((v) => v * v + 0.1),
        ),
      ),
    );
    return b.op("BatchNormalization", [y, ...stats], {}, { name: `${name}.bn` });
  };
  switch (layer.behind) {
    case "bn": return [norm(), out];
    case "bn-relu": return [b.op("Relu", [norm()]), out];
    case "mul": return [b.op("Mul", [y, perChannel(7)]), out];
    case "add": return [b.op("Add", [perChannel(7), y]), out];
    case "sub": return [b.op("Sub", [perChannel(7), y]), out];
    case "identity": return [b.op("Identity", [y]), out];
    case "relu": return [b.op("Relu", [y]), out];
    case "residual": return [b.op("Add", [y, b.op("Relu", [y])]), out];
    case "branch": {
      const side = b.op("Conv", [x, b.initializer(`${name}.v`, weights(layer.seed + 8, [out, channels / group, ...kernel]))], attrs, { name: `${name}.side` });
      return [b.op("Add", [y, side]), out];
    }
    default: return [y, out];
  } // prettier-ignore
}

function net(rank: number, channels: number, layers: readonly Layer[]): Model {
  return model((b) => {
    let x = b.input("x", { dtype: "float64", shape: ["N", channels, ...Array<number>(rank).fill(17)] });
    let width = channels;
    layers.forEach((layer, i) => ([x, width] = addLayer(b, x, width, layer, i)));
    b.output(x);
  });
}

describe("exact rewrites on random nets", () => {
  it.each([1, 2])("keep the function of %i-D nets", (rank) => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 4),
        fc.array(arbLayer(rank), { minLength: 1, maxLength: 3 }),
        (channels, layers) => {
          runPasses(net(rank, channels, layers), preset.exact, { tolerance: 1e-9 });
        },
      ),
      { numRuns: rank === 1 ? 60 : 40, seed: 20 + rank },
    );
  });

  it("keep the function of a 3-D net", () => {
    fc.assert(
      fc.property(arbLayer(3), arbLayer(3), (first, second) => {
        const small = model((b) => {
          let [x, width] = [b.input("x", { dtype: "float64", shape: ["N", 2, 7, 7, 7] }), 2];
          [first, { ...second, strides: [1, 1, 1], dilations: [1, 1, 1] }].forEach((layer, i) => {
            [x, width] = addLayer(b, x, width, { ...layer, dilations: [1, 1, 1] }, i);
          });
          b.output(x);
        });
        runPasses(small, preset.exact, { tolerance: 1e-9 });
      }),
      { numRuns: 10, seed: 7 },
    );
  });
});

describe("hidden groups", () => {
  it("are found behind any permutation", () => {
    const arb = fc.record({
      blocks: fc.integer({ min: 2, max: 4 }),
      inputs: fc.integer({ min: 1, max: 3 }),
      outputs: fc.integer({ min: 1, max: 3 }),
      kernel: fc.constantFrom([1, 1], [3, 3], [1, 3], [3], [2, 2, 1]),
      seed: fc.integer({ min: 1, max: 10_000 }),
      inside: fc.boolean(),
    });
    fc.assert(
      fc.property(arb, ({ blocks, inputs, outputs, kernel, seed, inside }) => {
        const w = blockDiagonal(
          seed,
          Array.from({ length: blocks }, () => [inputs, outputs] as const),
          kernel,
        );
        const [O, I] = w.dims as [number, number];
        const spatial = kernel.map(() => 5);
        const ones = kernel.map(() => 1);
        const m = model((b) => {
          let x = b.input("x", { dtype: "float64", shape: ["N", inside ? 2 : I, ...spatial] });
          if (inside)
            x = b.op("Relu", [
              b.op("Conv", [x, b.initializer("w0", weights(1, [I, 2, ...ones]))], {}, { name: "before" }),
            ]);
          const y = b.op("Conv", [x, b.initializer("w", w)], {}, { name: "hidden" });
          b.output(
            inside
              ? b.op(
                  "Conv",
                  [b.op("Relu", [y]), b.initializer("w2", weights(2, [3, O, ...ones]))],
                  {},
                  { name: "after" },
                )
              : y,
          );
        });
        const out = runPasses(m, [exactDepthwise, exactGrouping]);
        expect(out.after.graph.node("hidden")!.attributes.get("group")).toMatchObject({ value: blocks });
        if (inside) expect(out.after.graph.nodes.some((node) => node.is("Gather"))).toBe(false);
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});
