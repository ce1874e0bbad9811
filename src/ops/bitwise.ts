import { dtypes, isBigInt } from "../ir/index.js";
import { mapUnary } from "./unary.js";
import { defineOp, type OpName } from "./op.js";
import { attributeError, commonDtype, factOf, operand, sameDtype } from "./operand.js";
import { evaluatePair, inferPair, type PairKernels } from "./pairwise.js";
import { fact } from "./fact.js";

function defineBitwise<N extends OpName>(name: N, kernels: PairKernels) {
  return defineOp(name, {
    infer: (call) => [inferPair(call)],
    evaluate: (call) => [evaluatePair(call, kernels)],
  });
}

export const bitwiseAnd = defineBitwise("BitwiseAnd", {
  integers: (a, b) => a & b,
  bigints: (a, b) => a & b,
});
export const bitwiseOr = defineBitwise("BitwiseOr", {
  integers: (a, b) => a | b,
  bigints: (a, b) => a | b,
});
export const bitwiseXor = defineBitwise("BitwiseXor", {
  integers: (a, b) => a ^ b,
  bigints: (a, b) => a ^ b,
});

export const bitwiseNot = defineOp("BitwiseNot", {
  infer: (call) => [fact(factOf(call, 0).dtype, factOf(call, 0).shape)],
  evaluate: (call) => [mapUnary(call, operand(call, 0), { integers: (x) => ~x, bigints: (x) => ~x })],
});

/**
 * Shifts; vacated high bits of a signed right shift are copies of the sign bit. A shift below 0 or of at least the
 * type's width leaves only what sign extension gives: -1 for a negative number shifted right, else 0.
 */
export const bitShift = defineOp("BitShift", {
  infer: (call) => [fact(commonDtype(call, [factOf(call, 0), factOf(call, 1)]), inferPair(call).shape)],
  evaluate: (call) => {
    const { direction } = call.attributes;
    if (direction !== "LEFT" && direction !== "RIGHT") {
      throw attributeError(call, `direction must be LEFT or RIGHT, not "${String(direction)}"`);
    }
    const dtype = sameDtype(call, [operand(call, 0), operand(call, 1)]);
    const width = dtypes[dtype].bits;
    const wide = BigInt(width);
    const unsigned32 = dtype === "uint32";
    const right = direction === "RIGHT";
    return [
      evaluatePair(call, {
        ...(isBigInt(dtype)
          ? {
              bigints: (a, b) => {
                if (b < 0n || b >= wide) return right && a < 0n ? -1n : 0n;
                return right ? a >> b : a << b;
              },
            }
          : {
              integers: (a, b) => {
                if (b < 0 || b >= width) return right && a < 0 ? -1 : 0;
                if (!right) return a << b;
                return unsigned32 ? a >>> b : a >> b;
              },
            }),
      }),
    ];
  },
});
