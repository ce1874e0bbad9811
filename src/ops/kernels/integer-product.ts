import { isBigInt, type NumberArray, type Tensor, type Values } from "../../ir/index.js";
import { unsupported, type Site } from "../operand.js";
import type { ProductLayout } from "./matrix-product.js";

/**
 * y[at …] = A · B on integers, wrapping around in the tensors' own width. Plain loops: integer products outside of
 * quantized models are small. Other element types are an UnsupportedError.
 */
export function multiplyIntegers(
  site: Site,
  layout: ProductLayout,
  a: Tensor,
  b: Tensor,
  y: Values,
  at: number,
): void {
  const { dtype } = a;
  if (isBigInt(dtype)) {
    multiplyBig(layout, a.data as BigInt64Array, b.data as BigInt64Array, y as BigInt64Array, at);
  } else if (dtype === "int32" || dtype === "uint32") {
    multiplyWords(layout, a.numbers, b.numbers, y as NumberArray, at);
  } else {
    throw unsupported(site, `${site.node.op} of ${dtype} is not evaluated`);
  }
}

function multiplyBig(
  l: ProductLayout,
  a: BigInt64Array,
  b: BigInt64Array,
  y: BigInt64Array,
  at: number,
): void {
  for (let i = 0; i < l.rows; i++) {
    for (let j = 0; j < l.cols; j++) {
      let sum = 0n;
      for (let k = 0; k < l.depth; k++) {
        sum += a[l.a.at + i * l.a.row + k * l.a.col]! * b[l.b.at + k * l.b.row + j * l.b.col]!;
      }
      y[at + i * l.cols + j] = sum;
    }
  }
}

function multiplyWords(l: ProductLayout, a: NumberArray, b: NumberArray, y: NumberArray, at: number): void {
  for (let i = 0; i < l.rows; i++) {
    for (let j = 0; j < l.cols; j++) {
      let sum = 0;
      for (let k = 0; k < l.depth; k++) {
        const p = a[l.a.at + i * l.a.row + k * l.a.col]!;
        const q = b[l.b.at + k * l.b.row + j * l.b.col]!;
        sum = (sum + Math.imul(p, q)) | 0;
      }
      y[at + i * l.cols + j] = sum;
    }
  }
}
