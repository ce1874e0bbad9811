import { attr, type Value } from "../ir/index.js";
import { attributes, unsupported, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

const gemm: GradientRule = (call) => {
  const { emit, gradient } = call;
  const { alpha, beta, transA, transB } = attributes<"Gemm">(call);
  const [a, b] = [call.input(0), call.input(1)];
  const product = (left: Value, right: Value, leftT: number, rightT: number): Value =>
    emit.op("Gemm", [left, right], { alpha: attr.float(alpha), transA: leftT, transB: rightT });
  const ofA = (): Value =>
    transA ? product(b, gradient, transB ? 1 : 0, 1) : product(gradient, b, 0, transB ? 0 : 1);
  const ofB = (): Value =>
    transB ? product(gradient, a, 1, transA ? 1 : 0) : product(a, gradient, transA ? 0 : 1, 0);
  const ofC = (): Value =>
    emit.scale(emit.unbroadcast(gradient, call.shape(call.output), call.shape(call.input(2))), beta);
  return [call.wants(0) ? ofA() : null, call.wants(1) ? ofB() : null, call.wants(2) ? ofC() : null];
};

const matMul: GradientRule = (call) => {
  const { emit, gradient, node } = call;
  const [a, b] = [call.input(0), call.input(1)];
  if (call.shape(a).length < 2 || call.shape(b).length < 2) throw unsupported(node, "a factor is a vector");
  const product = (left: Value, right: Value, like: Value, rows: number, cols: number): Value => {
    const batch = call.shape(call.output).slice(0, -2);
    return emit.unbroadcast(emit.op("MatMul", [left, right]), [...batch, rows, cols], call.shape(like));
  };
  const [m, k] = call.shape(a).slice(-2) as [number, number];
  const n = call.shape(b).at(-1)!;
  return [
    call.wants(0) ? product(gradient, swapped(call, b), a, m, k) : null,
    call.wants(1) ? product(swapped(call, a), gradient, b, k, n) : null,
  ];
};

/** The value with its last two axes swapped. */
function swapped({ emit, shape }: GradientCall, value: Value): Value {
  const rank = shape(value).length;
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return emit.transpose(value, perm);
}

/** Matrix products. */
export const matrixRules: GradientRules = { Gemm: gemm, MatMul: matMul };
