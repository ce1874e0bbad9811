import { elementCount, Tensor, type DType } from "../ir/index.js";
import { dtypeAttribute } from "./cast.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type OpName } from "./op.js";
import { factOf, operand, shapeError, formatShape, type Site } from "./operand.js";

/* Random operators draw from the interpreter's seeded source: the same run gives the same numbers, not a runtime's. */

interface UniformAttributes {
  readonly low: number;
  readonly high: number;
}

interface NormalAttributes {
  readonly mean: number;
  readonly scale: number;
}

type Draw = (call: EvalCall<unknown>) => () => number;

const uniform: Draw = (call) => {
  const { low, high } = call.attributes as UniformAttributes;
  return () => low + (high - low) * call.random();
};

/** Standard normal numbers by the method of Box and Muller. */
const normal: Draw = (call) => {
  const { mean, scale } = call.attributes as NormalAttributes;
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - call.random()));
    return mean + scale * radius * Math.cos(2 * Math.PI * call.random());
  };
};

function filled(call: EvalCall<unknown>, dtype: DType, dims: readonly number[], draw: Draw): Tensor {
  const out = call.allocate(dtype, elementCount(dims)) as Float64Array;
  const next = draw(call);
  for (let i = 0; i < out.length; i++) out[i] = next();
  return Tensor.of(dtype, dims, out);
}

function defineRandom<N extends Extract<OpName, "RandomNormal" | "RandomUniform">>(name: N, draw: Draw) {
  return defineOp(name, {
    infer: (call) => [fact(dtypeAttribute(call, call.attributes.dtype, "dtype"), call.attributes.shape)],
    evaluate: (call) => [
      filled(call, dtypeAttribute(call, call.attributes.dtype, "dtype"), call.attributes.shape, draw),
    ],
  });
}

function likeDtype(site: Site, code: number | null, input: DType | null): DType | null {
  return code === null ? input : dtypeAttribute(site, code, "dtype");
}

function defineRandomLike<N extends Extract<OpName, "RandomNormalLike" | "RandomUniformLike">>(
  name: N,
  draw: Draw,
) {
  return defineOp(name, {
    infer: (call) => {
      const x = factOf(call, 0);
      return [fact(likeDtype(call, call.attributes.dtype, x.dtype), x.shape)];
    },
    evaluate: (call) => {
      const x = operand(call, 0);
      return [filled(call, likeDtype(call, call.attributes.dtype, x.dtype)!, x.dims, draw)];
    },
  });
}

export const randomNormal = defineRandom("RandomNormal", normal);
export const randomUniform = defineRandom("RandomUniform", uniform);
export const randomNormalLike = defineRandomLike("RandomNormalLike", normal);
export const randomUniformLike = defineRandomLike("RandomUniformLike", uniform);

/** One with the probability that the input says, else zero. */
export const bernoulli = defineOp("Bernoulli", {
  infer: (call) => [
    fact(likeDtype(call, call.attributes.dtype, factOf(call, 0).dtype), factOf(call, 0).shape),
  ],
  evaluate: (call) => {
    const x = operand(call, 0);
    const dtype = likeDtype(call, call.attributes.dtype, x.dtype)!;
    const bits = Array.from(x.numbers, (probability) => call.random() < probability);
    const out = call.allocate(dtype, x.size);
    bits.forEach((bit, i) => {
      if (out instanceof BigInt64Array || out instanceof BigUint64Array) out[i] = bit ? 1n : 0n;
      else (out as Float64Array)[i] = bit ? 1 : 0;
    });
    return [Tensor.of(dtype, x.dims, out)];
  },
});

/** Class indices drawn from unnormalized log-probabilities [batch, classes]. */
export const multinomial = defineOp("Multinomial", {
  infer: (call) => [
    fact(dtypeAttribute(call, call.attributes.dtype, "dtype"), [
      factOf(call, 0).shape?.[0] ?? null,
      call.attributes.sample_size,
    ]),
  ],
  evaluate: (call) => {
    const x = operand(call, 0);
    const { sample_size: count } = call.attributes;
    if (x.dims.length !== 2)
      throw shapeError(call, `the input must be [batch, classes], not ${formatShape(x.dims)}`);
    const dtype = dtypeAttribute(call, call.attributes.dtype, "dtype");
    const [batches, classes] = x.dims as [number, number];
    const picks: number[] = [];
    for (let n = 0; n < batches; n++) {
      const row = Float64Array.from(x.numbers.subarray(n * classes, (n + 1) * classes));
      const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const weights = Array.from(row, (value) => Math.exp(value - most));
      const total = weights.reduce((a, b) => a + b, 0);
      for (let k = 0; k < count; k++) {
        let left = call.random() * total;
        let pick = 0;
        while (pick < classes - 1 && left >= weights[pick]!) left -= weights[pick++]!;
        picks.push(pick);
      }
    }
    const dims = [batches, count];
    return [dtype === "int64" ? Tensor.i64(dims, picks) : Tensor.of("int32", dims, Int32Array.from(picks))];
  },
});
