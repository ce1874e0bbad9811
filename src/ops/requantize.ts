import { roundHalfEven, type DType, type Tensor } from "../ir/index.js";
import { integerRange } from "./integer-range.js";
import { formatShape, shapeError, type Site } from "./operand.js";

/** A real number as an integer of the dtype: rounded half to even, shifted by the zero point, saturated. */
export function requantizer(dtype: DType): (value: number, zero: number) => number {
  const [least, largest] = integerRange(dtype);
  return (value, zero) => Math.min(largest, Math.max(least, roundHalfEven(value) + zero));
}

/** Entry `line` of a parameter that is one number or one for each of `lines` channels; 0 when it is absent. */
export function perLine(
  site: Site,
  name: string,
  tensor: Tensor | null,
  lines: number,
): (line: number) => number {
  if (!tensor) return () => 0;
  if (tensor.size !== 1 && tensor.size !== lines) {
    throw shapeError(
      site,
      `${name} ${formatShape(tensor.dims)} must be one number${lines === 1 ? "" : ` or ${lines}`}`,
    );
  }
  const data = tensor.numbers;
  return tensor.size === 1 ? () => data[0]! : (line) => data[line]!;
}
