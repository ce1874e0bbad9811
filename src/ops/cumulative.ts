import { isBigInt, isFloat, Tensor } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type OpName } from "./op.js";
import { axisIn, factOf, operand, scalarOf } from "./operand.js";
import { splitAt } from "./strided.js";

interface CumulativeAttributes {
  readonly exclusive: number;
  readonly reverse: number;
}

interface Fold {
  readonly start: number;
  readonly numbers: (a: number, b: number) => number;
  readonly integers: (a: number, b: number) => number;
  readonly bigints: (a: bigint, b: bigint) => bigint;
}

/** Running totals along the axis that input 1 names: with the element itself or (`exclusive`) only those before it. */
function defineCumulative<N extends Extract<OpName, "CumSum" | "CumProd">>(name: N, fold: Fold) {
  return defineOp(name, {
    infer: (call) => [fact(factOf(call, 0).dtype, factOf(call, 0).shape)],
    evaluate: (call) => [cumulate(call as EvalCall<CumulativeAttributes>, fold)],
  });
}

function cumulate(call: EvalCall<CumulativeAttributes>, fold: Fold): Tensor {
  const x = operand(call, 0);
  const axis = axisIn(call, scalarOf(call, operand(call, 1), "axis"), x.dims.length);
  const { exclusive, reverse } = call.attributes;
  const { outer, length, inner } = splitAt(x.dims, axis);
  const out = call.allocate(x.dtype, x.size);
  const big = isBigInt(x.dtype);
  const combine = (big ? fold.bigints : isFloat(x.dtype) ? fold.numbers : fold.integers) as Fold["numbers"];
  const start = (big ? BigInt(fold.start) : fold.start) as number;
  const [p, q] = [x.data as Float64Array, out as Float64Array];
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      let total = start;
      for (let k = 0; k < length; k++) {
        const at = (i * length + (reverse === 1 ? length - 1 - k : k)) * inner + j;
        const next = combine(total, p[at]!);
        q[at] = exclusive === 1 ? total : next;
        total = next;
      }
    }
  }
  return Tensor.of(x.dtype, x.dims, out);
}

export const cumSum = defineCumulative("CumSum", {
  start: 0,
  numbers: (a, b) => a + b,
  integers: (a, b) => (a + b) | 0,
  bigints: (a, b) => a + b,
});

export const cumProd = defineCumulative("CumProd", {
  start: 1,
  numbers: (a, b) => a * b,
  integers: (a, b) => Math.imul(a, b),
  bigints: (a, b) => BigInt.asIntN(64, a * b),
});
