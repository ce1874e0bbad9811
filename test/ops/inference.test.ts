import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Dim, Tensor } from "../../src/ir/index.js";
import { factOfTensor, opDefinitions, unknownFact, type Fact } from "../../src/ops/index.js";
import { evaluateOne, inferOne, type OneNode } from "./one-node.js";
import { sampleCalls } from "./sample-calls.js";

/** Operators whose shapes depend on values that no one knows before running. */
const dataDependent = new Set([
  "Compress",
  "NonZero",
  "Unique",
  "NonMaxSuppression",
  "StringSplit",
  "StringNormalizer",
]);

/** Tested with others of their family or with subgraphs elsewhere. */
const elsewhere = new Set([
  "AveragePool", "BatchNormalization", "Conv", "ConvInteger", "ConvTranspose", "DeformConv", "Gemm", "GlobalAveragePool",
  "GlobalLpPool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "LRN", "LayerNormalization", "LpNormalization",
  "LpPool", "MatMul", "MaxPool", "MaxUnpool", "MeanVarianceNormalization", "QLinearConv", "QLinearMatMul", "RMSNormalization",
  "If", "Loop", "Scan", "SequenceMap", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
  "SequenceLength", "ConcatFromSequence", "SplitToSequence", "Optional", "OptionalGetElement", "OptionalHasElement",
  "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
  "Attention", "RotaryEmbedding", "BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix", "DFT", "STFT",
  "TfIdfVectorizer", "CausalConvWithState", "LinearAttention",
]); // prettier-ignore

/** The call's facts with every dimension a symbol of its own, bound to what it really is. */
function symbolic(inputs: readonly (Tensor | null)[], bound: Map<string, number>): (Fact | null)[] {
  return inputs.map((tensor, i) => {
    if (!tensor) return null;
    const shape = tensor.dims.map((dim, axis): Dim => {
      bound.set(`d${i}_${axis}`, dim);
      return dim === 1 ? 1 : `d${i}_${axis}`;
    });
    return { dtype: tensor.dtype, shape, value: null, dims: null };
  });
}

function typed(inputs: readonly (Tensor | null)[]): (Fact | null)[] {
  return inputs.map(
    (tensor) => tensor && { dtype: tensor.dtype, shape: tensor.dims, value: null, dims: null },
  );
}

/** What inference said must hold for what came out. */
function agrees(
  call: OneNode,
  facts: readonly (Fact | null)[],
  outputs: readonly Tensor[],
  bound: ReadonlyMap<string, number>,
): void {
  const inferred = inferOne(call, facts);
  outputs.forEach((output, i) => {
    const known = inferred[i];
    if (!known) return;
    const where = `${call.op} output ${i}: inferred ${known.dtype} [${known.shape?.join(", ")}], got ${output.dtype} [${output.dims.join(", ")}]`;
    if (known.dtype !== null) expect(known.dtype, where).toBe(output.dtype);
    if (known.shape) {
      expect(known.shape.length, where).toBe(output.dims.length);
      known.shape.forEach((dim, axis) => {
        if (dim === null) return;
        expect(typeof dim === "string" ? bound.get(dim) : dim, where).toBe(output.dims[axis]);
      });
    }
    if (known.dims) {
      const entries = output.toNumbers();
      known.dims.forEach((dim, k) => {
        if (dim !== null) expect(typeof dim === "string" ? bound.get(dim) : dim, where).toBe(entries[k]);
      });
    }
    if (known.value && known.value.dtype === "int64")
      expect(known.value.toNumbers(), where).toEqual(output.toNumbers());
  });
}

describe("inference agrees with evaluation", () => {
  for (const [op, calls] of Object.entries(sampleCalls)) {
    test(op, () => {
      fc.assert(
        fc.property(calls, (call) => {
          const outputs = evaluateOne(call, "default");
          agrees(call, typed(call.inputs), outputs, new Map());
          const bound = new Map<string, number>();
          agrees(call, symbolic(call.inputs, bound), outputs, bound);
          agrees(
            call,
            call.inputs.map((tensor) => tensor && unknownFact),
            outputs,
            new Map(),
          );
          const constant = call.inputs.map((tensor) => tensor && factOfTensor(tensor));
          agrees(call, constant, outputs, new Map());
          if (dataDependent.has(op)) return;
          inferOne(call, constant).forEach((known, i) => {
            expect(known?.dtype, `${op} output ${i}`).toBe(outputs[i]!.dtype);
            expect(known?.shape, `${op} output ${i} with constant inputs`).toEqual(outputs[i]!.dims);
          });
        }),
        { numRuns: 40 },
      );
    });
  }
});

test("every registered operator has a sample call or is listed as tested elsewhere", () => {
  const missing = opDefinitions()
    .filter(({ domain }) => domain === "")
    .map(({ name }) => name)
    .filter((name) => !Object.hasOwn(sampleCalls, name) && !elsewhere.has(name));
  expect(missing).toEqual([]);
});

test("float64 precision gives the same results, unrounded", () => {
  for (const [op, calls] of Object.entries(sampleCalls)) {
    if (["Cast", "CastLike", "BitCast", "QuantizeLinear", "DynamicQuantizeLinear", "Mod"].includes(op))
      continue;
    for (const call of fc.sample(calls, { numRuns: 3, seed: 7 })) {
      const [rounded, exact] = [evaluateOne(call, "default"), evaluateOne(call, "float64")];
      rounded.forEach((tensor, i) => {
        const other = exact[i]!;
        expect(other.dims, op).toEqual(tensor.dims);
        if (tensor.dtype !== "float32") return;
        tensor.numbers.forEach((value, k) => {
          const reference = other.numbers[k]!;
          if (Number.isFinite(value))
            expect(Math.abs(value - reference), op).toBeLessThanOrEqual(
              1e-6 * Math.max(1, Math.abs(reference)),
            );
        });
      });
    }
  }
});
