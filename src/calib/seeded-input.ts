import {
  allocateValues,
  elementCount,
  isBigInt,
  isFloat,
  sampleAxis,
  Tensor,
  UsageError,
  type Dim,
  type SampleAxis,
  type Values,
} from "../ir/index.js";
import { seededRandom } from "../linalg/index.js";
import { fedInputs, type DataInput, type DataSet, type SampleArray } from "./data-set.js";

/** Normal values are clipped to this many standard deviations. */
const clip = 3;

/** The shape of a model input after symbols were bound, where that is known. */
export type ShapeOf = (input: DataInput) => readonly Dim[] | null;

/**
 * Made-up samples for a model without data: floats standard normal, clipped at ±3; bytes uniform; other integers and
 * bools 0 or 1. The same for the same seed, sample by sample. `shapeOf` gives the shapes that `--shape` settled. Inputs
 * that are no batches are the same for all samples, or drawn for each where a run is one sample. Throws UsageError
 * E_SHAPE for an input with an open dimension behind the batch axis.
 */
export function seededInput(
  inputs: readonly DataInput[],
  count: number,
  seed: number,
  shapeOf: ShapeOf = (input) => input.type?.shape ?? null,
  axis: SampleAxis = sampleAxis(fedInputs(inputs)),
): DataSet {
  const arrays = new Map<string, SampleArray>();
  for (const input of fedInputs(inputs))
    arrays.set(input.name, seededArray(input, shapeOf(input), count, seed, axis));
  return { count, arrays, labels: null, extra: new Map() };
}

function seededArray(
  input: DataInput,
  shape: readonly Dim[] | null,
  count: number,
  seed: number,
  axis: SampleAxis,
): SampleArray {
  const whole = !axis.inputs.has(input.name);
  const dims = (shape ?? [null, null]).slice(whole ? 0 : 1).map((dim) => {
    if (typeof dim === "number") return dim;
    throw new UsageError("E_SHAPE", `the model input has the open dimension ${dim ?? "?"}`, {
      where: { tensor: input.name },
      hint: `give it with --shape ${input.name}=…, or give data`,
    });
  });
  const dtype = input.type?.dtype ?? "float32";
  if (dtype === "string") {
    throw new UsageError("E_DATA_INPUTS", "strings cannot be made up", { where: { tensor: input.name } });
  }
  const size = elementCount(dims);
  const base = seededRandom(seed).fork(`input ${input.name}`);
  return {
    dims,
    ...(whole ? { whole } : {}),
    batch(given) {
      const indices = whole ? [axis.size === 1 ? (given[0] ?? 0) : 0] : given;
      const total = size * indices.length;
      const floats = isFloat(dtype);
      const values = floats ? new Float64Array(total) : allocateValues(dtype, total);
      for (let k = 0; k < indices.length; k++) {
        const index = indices[k]!;
        if (!(Number.isInteger(index) && index >= 0 && index < count)) {
          throw new RangeError(`sample ${index} is not in 0 … ${count - 1}`);
        }
        const random = base.fork(String(index));
        for (let i = k * size; i < (k + 1) * size; i++) {
          if (floats) {
            (values as Float64Array)[i] = Math.min(clip, Math.max(-clip, random.normal()));
          } else {
            draw(values, i, random.integer(dtype === "uint8" ? 256 : 2), isBigInt(dtype));
          }
        }
      }
      const full = whole ? dims : [indices.length, ...dims];
      return floats ? Tensor.floats(dtype, full, values as Float64Array) : Tensor.of(dtype, full, values);
    },
  };
}

function draw(values: Values, at: number, value: number, big: boolean): void {
  if (big) (values as BigInt64Array)[at] = BigInt(value);
  else (values as Uint8Array)[at] = value;
}
