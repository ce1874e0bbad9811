import { erf } from "./erf.js";
import { rectify } from "./kernels/store.js";
import { attributeError } from "./operand.js";
import { defineUnary, defineUnaryWith } from "./unary.js";

/* Activations of one operand. Formulas are the operator specification's, arranged so that nothing overflows. */

export const relu = defineUnary("Relu", {
  floats: (x, y) => {
    if (x instanceof Float32Array && y instanceof Float32Array) rectify(x, y);
    else for (let i = 0; i < y.length; i++) y[i] = x[i]! < 0 ? 0 : x[i]!;
  },
  integers: (x) => (x < 0 ? 0 : x),
  bigints: (x) => (x < 0n ? 0n : x),
});

export const leakyRelu = defineUnaryWith("LeakyRelu", ({ attributes: { alpha } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! < 0 ? alpha * x[i]! : x[i]!;
  },
}));

export const thresholdedRelu = defineUnaryWith("ThresholdedRelu", ({ attributes: { alpha } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! <= alpha ? 0 : x[i]!;
  },
}));

export const elu = defineUnaryWith("Elu", ({ attributes: { alpha } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! < 0 ? alpha * Math.expm1(x[i]!) : x[i]!;
  },
}));

export const selu = defineUnaryWith("Selu", ({ attributes: { alpha, gamma } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = gamma * (x[i]! <= 0 ? alpha * Math.expm1(x[i]!) : x[i]!);
  },
}));

export const celu = defineUnaryWith("Celu", ({ attributes: { alpha } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) {
      y[i] = Math.max(0, x[i]!) + Math.min(0, alpha * Math.expm1(x[i]! / alpha));
    }
  },
}));

export const gelu = defineUnaryWith("Gelu", (call) => {
  const { approximate } = call.attributes;
  if (approximate === "tanh") {
    const c = Math.sqrt(2 / Math.PI);
    return {
      floats: (x, y) => {
        for (let i = 0; i < y.length; i++) {
          const v = x[i]!;
          y[i] = 0.5 * v * (1 + Math.tanh(c * (v + 0.044715 * v * v * v)));
        }
      },
    };
  }
  if (approximate !== "none")
    throw attributeError(call, `approximate must be none or tanh, not "${approximate}"`);
  return {
    floats: (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = 0.5 * x[i]! * (1 + erf(x[i]! * Math.SQRT1_2));
    },
  };
});

/** log(1 + e^x) without overflow. */
export function softplusOf(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export const softplus = defineUnary("Softplus", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = softplusOf(x[i]!);
  },
});

export const mish = defineUnary("Mish", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! * Math.tanh(softplusOf(x[i]!));
  },
});

export const softsign = defineUnary("Softsign", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! / (1 + Math.abs(x[i]!));
  },
});

export const sigmoid = defineUnary("Sigmoid", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = 1 / (1 + Math.exp(-x[i]!));
  },
});

export const hardSigmoid = defineUnaryWith("HardSigmoid", ({ attributes: { alpha, beta } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.max(0, Math.min(1, alpha * x[i]! + beta));
  },
}));

export const hardSwish = defineUnary("HardSwish", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! * Math.max(0, Math.min(1, x[i]! / 6 + 0.5));
  },
});

export const swish = defineUnaryWith("Swish", ({ attributes: { alpha } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = x[i]! / (1 + Math.exp(-alpha * x[i]!));
  },
}));

export const shrink = defineUnaryWith("Shrink", ({ attributes: { bias, lambd } }) => {
  const shrunk = (x: number): number => (x < -lambd ? x + bias : x > lambd ? x - bias : 0);
  return {
    floats: (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = shrunk(x[i]!);
    },
    integers: (x) => Math.trunc(shrunk(x)),
    bigints: (x) => BigInt(Math.trunc(shrunk(Number(x)))),
  };
});
