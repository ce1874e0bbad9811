import { elementCount, Tensor, type Dim } from "../ir/index.js";
import { broadcastStrides } from "./broadcast.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  factOf,
  formatShape,
  integerOperand,
  operand,
  shapeError,
  type Site,
} from "./operand.js";

interface HeadAttributes {
  readonly q_num_heads: number | null;
  readonly kv_num_heads: number | null;
}

interface AttentionAttributes extends HeadAttributes {
  readonly is_causal: number;
  readonly left_window_size: number | null;
  readonly right_window_size: number | null;
  readonly qk_matmul_output_mode: number;
  readonly scale: number | null;
  readonly softcap: number;
}

/** A stack of heads in either layout: [B, H, S, D] or [B, S, H·D]. */
interface Heads {
  readonly data: ArrayLike<number>;
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly size: number;
  /** Where the vector of a place starts. */
  at(batch: number, head: number, place: number): number;
}

function headsOf(site: Site, x: Tensor, count: number | null): Heads {
  const { dims } = x;
  const data = x.numbers;
  if (dims.length === 4) {
    const [batch, heads, length, size] = dims as [number, number, number, number];
    return { data, batch, heads, length, size, at: (b, h, s) => ((b * heads + h) * length + s) * size };
  }
  if (dims.length !== 3 || !count || dims[2]! % count !== 0) {
    throw shapeError(site, `${formatShape(dims)} cannot be split into ${count ?? "?"} heads`);
  }
  const [batch, length, width] = dims as [number, number, number];
  const size = width / count;
  return { data, batch, heads: count, length, size, at: (b, h, s) => (b * length + s) * width + h * size };
}

/** Keys or values with those of the cache in front, as [B, H, S, D]. */
function withPast(
  call: EvalCall<unknown>,
  x: Tensor,
  past: Tensor | null | undefined,
  count: number | null,
): Tensor {
  const own = headsOf(call, x, count);
  const before = past ? past.dims[2]! : 0;
  const length = before + own.length;
  const out = call.allocate(x.dtype, own.batch * own.heads * length * own.size) as Float64Array;
  let to = 0;
  for (let b = 0; b < own.batch; b++) {
    for (let h = 0; h < own.heads; h++) {
      for (let s = 0; s < length; s++) {
        const from = s < before ? ((b * own.heads + h) * before + s) * own.size : own.at(b, h, s - before);
        const data = s < before ? past!.numbers : own.data;
        for (let d = 0; d < own.size; d++) out[to++] = data[from + d]!;
      }
    }
  }
  return Tensor.of(x.dtype, [own.batch, own.heads, length, own.size], out);
}

/** The additive mask at a place; keys behind a short mask's end are masked. */
function maskReader(
  site: Site,
  mask: Tensor | null,
  dims: readonly [number, number, number, number],
): (b: number, h: number, i: number, j: number) => number {
  if (!mask) return () => 0;
  const last = mask.dims.at(-1) ?? 1;
  const target = [...dims.slice(0, 3), last];
  const misfit =
    mask.dims.length > 4 || mask.dims.some((dim, i) => dim !== 1 && dim !== target[i + 4 - mask.dims.length]);
  if (misfit || last > dims[3])
    throw shapeError(site, `attn_mask ${formatShape(mask.dims)} does not fit ${formatShape(dims)}`);
  const [sb, sh, si, sj] = broadcastStrides(mask.dims, target) as [number, number, number, number];
  const data = mask.numbers;
  const flags = mask.dtype === "bool";
  return (b, h, i, j) => {
    if (j >= last) return -Infinity;
    const value = data[b * sb + h * sh + i * si + j * (last === 1 ? 0 : sj)]!;
    return flags ? (value ? 0 : -Infinity) : value;
  };
}

/**
 * Scaled dot-product attention over heads, with grouped queries, cache, causal and sliding windows. A query that may
 * attend no key gives zeros. Outputs: Y, present key, present value, and the scores at the stage that
 * `qk_matmul_output_mode` names.
 */
export const attention = defineOp("Attention", {
  infer: (call) => inferAttention(call),
  evaluate: (call) => attend(call),
});

function attend(call: EvalCall<AttentionAttributes>): Tensor[] {
  const { attributes: a } = call;
  const x = operand(call, 0);
  const q = headsOf(call, x, a.q_num_heads);
  const key = withPast(call, operand(call, 1), call.inputs[4], a.kv_num_heads);
  const value = withPast(call, operand(call, 2), call.inputs[5], a.kv_num_heads);
  const [k, v] = [headsOf(call, key, null), headsOf(call, value, null)];
  if (q.heads % k.heads !== 0 || q.size !== k.size || k.length !== v.length) {
    throw shapeError(
      call,
      `query ${formatShape(x.dims)} does not fit keys ${formatShape(key.dims)} and values ${formatShape(value.dims)}`,
    );
  }
  const seqlen = integerOperand(call, 6);
  const scale = a.scale ?? 1 / Math.sqrt(q.size);
  const shape = [q.batch, q.heads, q.length, k.length] as const;
  const maskAt = maskReader(call, call.inputs[3] ?? null, [...shape]);
  const left = a.left_window_size ?? -1;
  const right = a.right_window_size ?? -1;
  const out = call.allocate(x.dtype, q.batch * q.length * q.heads * v.size) as Float64Array;
  const scores = call.allocate(x.dtype, elementCount(shape)) as Float64Array;
  const wanted = Boolean(call.node.outputs[3]);
  const flat = x.dims.length === 3;
  const weights = new Float64Array(k.length);
  const bias = new Float64Array(k.length);
  for (let b = 0; b < q.batch; b++) {
    const past = call.inputs[4] ? call.inputs[4].dims[2]! : seqlen ? seqlen[b]! - q.length : 0;
    for (let h = 0; h < q.heads; h++) {
      const group = Math.floor(h / (q.heads / k.heads));
      for (let i = 0; i < q.length; i++) {
        const row = ((b * q.heads + h) * q.length + i) * k.length;
        const keep = (stage: number, list: Float64Array): void => {
          if (wanted && a.qk_matmul_output_mode === stage) scores.set(list, row);
        };
        let most = -Infinity;
        for (let j = 0; j < k.length; j++) {
          const distance = i + past - j;
          const hidden =
            (a.is_causal === 1 && distance < 0) ||
            (left >= 0 && distance > left) ||
            (right >= 0 && -distance > right) ||
            (seqlen !== null && j >= seqlen[b]!);
          bias[j] = hidden ? -Infinity : maskAt(b, h, i, j);
          most = Math.max(most, bias[j]!);
          const [p, r] = [q.at(b, h, i), k.at(b, group, j)];
          let sum = 0;
          for (let d = 0; d < q.size; d++) sum += q.data[p + d]! * k.data[r + d]!;
          weights[j] = sum * scale;
        }
        keep(0, weights);
        if (a.softcap > 0)
          for (let j = 0; j < k.length; j++) weights[j] = a.softcap * Math.tanh(weights[j]! / a.softcap);
        keep(1, weights);
        for (let j = 0; j < k.length; j++) weights[j]! += bias[j]!;
        keep(2, weights);
        if (most === -Infinity) weights.fill(0);
        else softmaxInPlace(weights);
        keep(3, weights);
        const to = flat
          ? ((b * q.length + i) * q.heads + h) * v.size
          : ((b * q.heads + h) * q.length + i) * v.size;
        for (let d = 0; d < v.size; d++) {
          let sum = 0;
          for (let j = 0; j < k.length; j++) {
            if (weights[j] !== 0) sum += weights[j]! * v.data[v.at(b, group, j) + d]!;
          }
          out[to + d] = sum;
        }
      }
    }
  }
  const dims = flat ? [q.batch, q.length, q.heads * v.size] : [q.batch, q.heads, q.length, v.size];
  return [Tensor.of(x.dtype, dims, out), key, value, Tensor.of(x.dtype, [...shape], scores)];
}

function softmaxInPlace(x: Float64Array): void {
  const most = x.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] = Math.exp(x[i]! - most);
  for (let i = 0; i < x.length; i++) x[i]! /= sum;
}

/** [batch, heads, length, head size] of an operand in either layout. */
function headShape(x: Fact, count: number | null): readonly Dim[] | null {
  const { shape } = x;
  if (!shape || shape.length === 4) return shape;
  const width = shape[2];
  const size = typeof width === "number" && count ? width / count : null;
  return [shape[0] ?? null, count, shape[1] ?? null, size];
}

function inferAttention(call: InferCall<AttentionAttributes>): Fact[] {
  const [q, k, v] = [factOf(call, 0), factOf(call, 1), factOf(call, 2)];
  const { q_num_heads: qHeads, kv_num_heads: kvHeads } = call.attributes;
  const [qs, ks, vs] = [headShape(q, qHeads), headShape(k, kvHeads), headShape(v, kvHeads)];
  if (!qs || !ks || !vs)
    return [fact(q.dtype, null), fact(k.dtype, null), fact(v.dtype, null), fact(q.dtype, null)];
  const past = call.inputs[4];
  const before: Dim = past ? (past.shape?.[2] ?? null) : 0;
  const total: Dim =
    before === 0 ? ks[2]! : typeof before === "number" && typeof ks[2] === "number" ? before + ks[2] : null;
  const width = typeof qHeads === "number" && typeof vs[3] === "number" ? qHeads * vs[3] : null;
  const y = q.shape?.length === 3 ? [qs[0]!, qs[2]!, width] : [qs[0]!, qs[1]!, qs[2]!, vs[3]!];
  return [
    fact(q.dtype, y),
    fact(k.dtype, [ks[0]!, ks[1]!, total, ks[3]!]),
    fact(v.dtype, [vs[0]!, vs[1]!, total, vs[3]!]),
    fact(q.dtype, [qs[0]!, qs[1]!, qs[2]!, total]),
  ];
}

/** Rotates pairs of each head's vector by the angles of their positions. */
export const rotaryEmbedding = defineOp("RotaryEmbedding", {
  infer: (call) => [fact(factOf(call, 0).dtype, factOf(call, 0).shape)],
  evaluate: (call) => {
    const x = operand(call, 0);
    const [cos, sin] = [operand(call, 1), operand(call, 2)];
    const positions = integerOperand(call, 3);
    const { interleaved, num_heads: count, rotary_embedding_dim: rotated } = call.attributes;
    const heads = headsOf(call, x, count);
    const half = (rotated || heads.size) / 2;
    if (cos.dims.at(-1) !== half || sin.dims.at(-1) !== half) {
      throw attributeError(call, `the caches ${formatShape(cos.dims)} must have ${half} angles per position`);
    }
    const out = call.allocate(x.dtype, x.size) as Float64Array;
    out.set(x.numbers);
    const [c, s] = [cos.numbers, sin.numbers];
    for (let b = 0; b < heads.batch; b++) {
      for (let t = 0; t < heads.length; t++) {
        const place = positions ? positions[b * heads.length + t]! : b * heads.length + t;
        for (let h = 0; h < heads.heads; h++) {
          const at = heads.at(b, h, t);
          for (let i = 0; i < half; i++) {
            const [p, q] = interleaved === 1 ? [at + 2 * i, at + 2 * i + 1] : [at + i, at + half + i];
            const [re, im] = [heads.data[p]!, heads.data[q]!];
            const [cosine, sine] = [c[place * half + i]!, s[place * half + i]!];
            out[p] = cosine * re - sine * im;
            out[q] = sine * re + cosine * im;
          }
        }
      }
    }
    return [Tensor.of(x.dtype, x.dims, out)];
  },
});
