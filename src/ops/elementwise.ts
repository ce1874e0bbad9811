import { roundHalfEven } from "../ir/index.js";
import { erf as errorFunction } from "./erf.js";
import { defineOp } from "./op.js";
import { operand } from "./operand.js";
import { defineUnary, inferSame, mapUnary } from "./unary.js";

/* Functions of one number. Each has a loop of its own: one shared loop over callbacks would be several times slower. */

export const neg = defineOp("Neg", {
  infer: (call) => [inferSame(call, (dim) => (typeof dim === "number" ? 0 - dim : null))],
  evaluate: (call) => [
    mapUnary(call, operand(call, 0), {
      floats: (x, y) => {
        for (let i = 0; i < y.length; i++) y[i] = -x[i]!;
      },
      integers: (x) => -x,
      bigints: (x) => -x,
    }),
  ],
});

export const abs = defineUnary("Abs", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.abs(x[i]!);
  },
  integers: Math.abs,
  bigints: (x) => (x < 0n ? -x : x),
});

export const sign = defineUnary("Sign", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sign(x[i]!);
  },
  integers: Math.sign,
  bigints: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
});

export const sqrt = defineUnary("Sqrt", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sqrt(x[i]!);
  },
});

export const exp = defineUnary("Exp", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.exp(x[i]!);
  },
});

export const log = defineUnary("Log", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.log(x[i]!);
  },
});

export const reciprocal = defineUnary("Reciprocal", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = 1 / x[i]!;
  },
});

export const floor = defineUnary("Floor", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.floor(x[i]!);
  },
});

export const ceil = defineUnary("Ceil", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.ceil(x[i]!);
  },
});

export const round = defineUnary("Round", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Number.isFinite(x[i]!) ? roundHalfEven(x[i]!) : x[i]!;
  },
});

export const erf = defineUnary("Erf", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = errorFunction(x[i]!);
  },
  integers: (x) => Math.trunc(errorFunction(x)),
  bigints: (x) => BigInt(Math.trunc(errorFunction(Number(x)))),
});

export const sin = defineUnary("Sin", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sin(x[i]!);
  },
});

export const cos = defineUnary("Cos", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.cos(x[i]!);
  },
});

export const tan = defineUnary("Tan", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.tan(x[i]!);
  },
});

export const asin = defineUnary("Asin", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.asin(x[i]!);
  },
});

export const acos = defineUnary("Acos", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.acos(x[i]!);
  },
});

export const atan = defineUnary("Atan", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.atan(x[i]!);
  },
});

export const sinh = defineUnary("Sinh", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sinh(x[i]!);
  },
});

export const cosh = defineUnary("Cosh", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.cosh(x[i]!);
  },
});

export const tanh = defineUnary("Tanh", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.tanh(x[i]!);
  },
});

export const asinh = defineUnary("Asinh", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.asinh(x[i]!);
  },
});

export const acosh = defineUnary("Acosh", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.acosh(x[i]!);
  },
});

export const atanh = defineUnary("Atanh", {
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.atanh(x[i]!);
  },
});
