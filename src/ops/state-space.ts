import { Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall } from "./op.js";
import { attributeError, factOf, formatShape, operand, shapeError } from "./operand.js";

/* Operators that carry a state along time: the causal convolution and the linear attention of recurrent decoders. */

/** Depthwise 1-D convolution of [B, C, L] that sees the k − 1 places before the input as its state. */
export const causalConvWithState = defineOp("CausalConvWithState", {
  infer: (call) => {
    const [x, w] = [factOf(call, 0), factOf(call, 1)];
    const taps = w.shape?.[2];
    const state: Dim = typeof taps === "number" ? taps - 1 : null;
    return [fact(x.dtype, x.shape), fact(x.dtype, x.shape ? [x.shape[0]!, x.shape[1]!, state] : null)];
  },
  evaluate: (call) => {
    const [x, w] = [operand(call, 0), operand(call, 1)];
    const { activation } = call.attributes;
    if (!["none", "silu", "swish"].includes(activation)) {
      throw attributeError(call, `activation must be none, silu or swish, not "${activation}"`);
    }
    if (x.dims.length !== 3 || w.dims.length !== 3 || w.dims[0] !== x.dims[1]) {
      throw shapeError(call, `weight ${formatShape(w.dims)} does not fit the input ${formatShape(x.dims)}`);
    }
    const [batches, channels, length] = x.dims as [number, number, number];
    const taps = w.dims[2]!;
    const bias = call.inputs[2]?.numbers;
    const past = call.inputs[3]?.numbers;
    const out = call.allocate(x.dtype, x.size) as Float64Array;
    const state = call.allocate(x.dtype, batches * channels * (taps - 1)) as Float64Array;
    const line = new Float64Array(length + taps - 1);
    for (let row = 0; row < batches * channels; row++) {
      for (let t = 0; t < taps - 1; t++) line[t] = past ? past[row * (taps - 1) + t]! : 0;
      line.set(x.numbers.subarray(row * length, (row + 1) * length), taps - 1);
      const channel = row % channels;
      for (let t = 0; t < length; t++) {
        let sum = bias ? bias[channel]! : 0;
        for (let k = 0; k < taps; k++) sum += w.numbers[channel * taps + k]! * line[t + k]!;
        out[row * length + t] = activation === "none" ? sum : sum / (1 + Math.exp(-sum));
      }
      state.set(line.subarray(length), row * (taps - 1));
    }
    return [Tensor.of(x.dtype, x.dims, out), Tensor.of(x.dtype, [batches, channels, taps - 1], state)];
  },
});

interface LinearAttentionAttributes {
  readonly q_num_heads: number;
  readonly kv_num_heads: number;
  readonly scale: number;
  readonly update_rule: string;
}

/** Attention as a recurrence over a matrix per head: S ← e^g·S + k ⊗ v (the delta rule writes v less what k finds). */
export const linearAttention = defineOp("LinearAttention", {
  infer: (call) => {
    const [q, k, v] = [factOf(call, 0), factOf(call, 1), factOf(call, 2)];
    const { q_num_heads: queries, kv_num_heads: heads } = call.attributes;
    const [kSize, vSize] = [k.shape?.[2], v.shape?.[2]].map((width) =>
      typeof width === "number" ? width / heads : null,
    ) as [Dim, Dim];
    const width = typeof vSize === "number" ? queries * vSize : null;
    const state = call.inputs[3];
    return [
      fact(q.dtype, q.shape ? [q.shape[0]!, q.shape[1]!, width] : null),
      fact(state ? state.dtype : q.dtype, [q.shape?.[0] ?? null, heads, kSize, vSize]),
    ];
  },
  evaluate: (call) => recur(call as EvalCall<LinearAttentionAttributes>),
});

function recur(call: EvalCall<LinearAttentionAttributes>): Tensor[] {
  const [query, key, value] = [operand(call, 0), operand(call, 1), operand(call, 2)];
  const [past, decay, beta] = [call.inputs[3] ?? null, call.inputs[4] ?? null, call.inputs[5] ?? null];
  const { q_num_heads: queries, kv_num_heads: heads, update_rule: rule } = call.attributes;
  const gated = rule === "gated" || rule === "gated_delta";
  const delta = rule === "delta" || rule === "gated_delta";
  if (!gated && !delta && rule !== "linear") throw attributeError(call, `update_rule "${rule}" is not known`);
  if (gated !== Boolean(decay) || delta !== Boolean(beta)) {
    throw attributeError(
      call,
      `update_rule ${rule} ${gated ? "needs" : "forbids"} decay and ${delta ? "needs" : "forbids"} beta`,
    );
  }
  const [batches, length] = query.dims as [number, number];
  const [kSize, vSize] = [key.dims[2]! / heads, value.dims[2]! / heads];
  if (query.dims[2] !== queries * kSize || queries % heads !== 0) {
    throw shapeError(
      call,
      `query ${formatShape(query.dims)} does not fit ${queries} heads over keys ${formatShape(key.dims)}`,
    );
  }
  const scale = call.attributes.scale || 1 / Math.sqrt(kSize);
  const state = past ? Float64Array.from(past.numbers) : new Float64Array(batches * heads * kSize * vSize);
  const out = call.allocate(query.dtype, batches * length * queries * vSize) as Float64Array;
  const [q, k, v] = [query.numbers, key.numbers, value.numbers];
  const write = new Float64Array(vSize);
  for (let b = 0; b < batches; b++) {
    for (let h = 0; h < heads; h++) {
      const s = (b * heads + h) * kSize * vSize;
      for (let t = 0; t < length; t++) {
        const step = b * length + t;
        const [kAt, vAt] = [(step * heads + h) * kSize, (step * heads + h) * vSize];
        if (decay) fade(state, s, kSize, vSize, decay, step, h, heads);
        const rate = beta ? beta.numbers[step * beta.dims[2]! + (beta.dims[2] === 1 ? 0 : h)]! : 1;
        for (let m = 0; m < vSize; m++) {
          let found = 0;
          if (delta) for (let d = 0; d < kSize; d++) found += state[s + d * vSize + m]! * k[kAt + d]!;
          write[m] = rate * (v[vAt + m]! - found);
        }
        for (let d = 0; d < kSize; d++) {
          for (let m = 0; m < vSize; m++) state[s + d * vSize + m]! += k[kAt + d]! * write[m]!;
        }
        for (let g = 0; g < queries / heads; g++) {
          const head = h * (queries / heads) + g;
          for (let m = 0; m < vSize; m++) {
            let sum = 0;
            for (let d = 0; d < kSize; d++)
              sum += q[(step * queries + head) * kSize + d]! * state[s + d * vSize + m]!;
            out[(step * queries + head) * vSize + m] = scale * sum;
          }
        }
      }
    }
  }
  const dtype = past ? past.dtype : query.dtype;
  const present = call.allocate(dtype, state.length) as Float64Array;
  present.set(state);
  return [
    Tensor.of(query.dtype, [batches, length, queries * vSize], out),
    Tensor.of(dtype, [batches, heads, kSize, vSize], present),
  ];
}

/** The state times e^g, g per head or per key dimension. */
function fade(
  state: Float64Array,
  at: number,
  kSize: number,
  vSize: number,
  decay: Tensor,
  step: number,
  head: number,
  heads: number,
): void {
  const width = decay.dims[2]!;
  for (let d = 0; d < kSize; d++) {
    const g = decay.numbers[step * width + (width === heads ? head : head * kSize + d)]!;
    const factor = Math.exp(g);
    for (let m = 0; m < vSize; m++) state[at + d * vSize + m]! *= factor;
  }
}
