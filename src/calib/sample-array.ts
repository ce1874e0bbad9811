import {
  allocateValues,
  elementCount,
  isBigInt,
  isComplex,
  isFloat,
  isInteger,
  ModelError,
  Tensor,
  UsageError,
  type DType,
  type Dim,
  type ErrorPlace,
  type NumberArray,
  type Values,
} from "../ir/index.js";
import type { DataInput, SampleArray } from "./data-set.js";
import { channelConstants, channelCount, type Preprocess } from "./preprocess.js";

export interface SampleOptions {
  readonly preprocess: Preprocess | null;
  /** Samples that will be read, from the first on. */
  readonly count: number;
  /** Axis order of the array; the preprocess's by default. */
  readonly layout?: "nchw" | "nhwc";
  readonly file?: string;
  /** Name of the array in the file, where it has one. */
  readonly array?: string;
}

type Numbers = Exclude<Values, string[]>;

/**
 * The samples of `raw` (first axis: samples) for a model input: checked for shape, type and finite values, brought
 * into the model's axis order and type, preprocessed. Throws ModelError that names file, array, input and both shapes.
 */
export function sampleArray(input: DataInput, raw: Tensor, o: SampleOptions): SampleArray {
  const place: ErrorPlace = { tensor: input.name, ...(o.file === undefined ? {} : { file: o.file }) };
  const what =
    o.array === undefined || o.array === input.name ? "the array" : `the array ${JSON.stringify(o.array)}`;
  const target = input.type?.dtype ?? (isFloat(raw.dtype) || o.preprocess ? "float32" : raw.dtype);
  if (raw.dims.length === 0)
    throw new ModelError("E_DATA_SHAPE", `${what} has no sample axis`, { where: place });
  const preprocess = isFloat(target) && (!isFloat(raw.dtype) || raw.dims.length >= 3) ? o.preprocess : null;
  requireType(raw.dtype, target, preprocess, what, place);
  const order = axisOrder(input, raw.dims, preprocess, o.layout, what, place);
  const size = elementCount(raw.dims.slice(1));
  const values = raw.data as Numbers;
  requireFiniteValues(values, size * o.count, raw.dtype, what, place);
  if (isInteger(target) && target !== raw.dtype) requireRange(values, size * o.count, target, what, place);
  const gather = preprocess
    ? pixelGather(values as NumberArray, size, order, preprocess, what, place)
    : plainGather(values, size);
  return {
    dims: order.dims,
    batch(indices) {
      const dims = [indices.length, ...order.dims];
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i]!;
        if (!(Number.isInteger(index) && index >= 0 && index < o.count)) {
          throw new RangeError(`sample ${index} is not in 0 … ${o.count - 1}`);
        }
      }
      const narrow = isFloat(target) && target !== "float32" && target !== "float64";
      const out = narrow
        ? new Float64Array(size * indices.length)
        : allocateValues(target, size * indices.length);
      gather(indices, out as Numbers);
      return narrow ? Tensor.floats(target, dims, out as Float64Array) : Tensor.of(target, dims, out);
    },
  };
}

/**
 * An array for an input that is no batch: it stands for every sample, or has a further axis in front that counts them.
 * Throws as {@link sampleArray}.
 */
export function wholeArray(input: DataInput, raw: Tensor, o: SampleOptions): SampleArray {
  const shape = input.type?.shape ?? raw.dims;
  const single = raw.dims.length === shape.length;
  const stack = single ? raw.reshape([1, ...raw.dims]) : raw;
  const type = input.type && { ...input.type, shape: [null, ...shape] };
  const options = { ...o, preprocess: null, ...(single ? { count: 1 } : {}) };
  const { dims, batch } = sampleArray({ name: input.name, type }, stack, options);
  return { dims, whole: true, batch: (indices) => batch([single ? 0 : (indices[0] ?? 0)]).reshape(dims) };
}

interface AxisOrder {
  /** Shape of a sample in the model's order. */
  readonly dims: readonly number[];
  readonly channels: number;
  /** Whether the channel is the last axis, in the data and in the model. */
  readonly lastIn: boolean;
  readonly lastOut: boolean;
}

function axisOrder(
  input: DataInput,
  dims: readonly number[],
  preprocess: Preprocess | null,
  layout: SampleOptions["layout"],
  what: string,
  place: ErrorPlace,
): AxisOrder {
  const sample = dims.slice(1);
  const spatial = sample.length >= 2;
  const lastIn = spatial && (layout ?? preprocess?.layout ?? "nchw") === "nhwc";
  const first = lastIn ? [sample.at(-1)!, ...sample.slice(0, -1)] : sample;
  const channels = first[0] ?? 1;
  const shape = input.type?.shape ?? null;
  const fits = (dims: readonly number[]): boolean =>
    shape === null ||
    (shape.length === dims.length + 1 && dims.every((dim, i) => fitsDim(dim, shape[i + 1] ?? null)));
  const last = [...first.slice(1), channels];
  const canMove = spatial && preprocess !== null;
  const preferLast = preprocess?.layout === "nhwc" && layout === "nhwc";
  if (canMove && preferLast && fits(last)) return { dims: last, channels, lastIn, lastOut: true };
  if (fits(first) && (lastIn ? canMove : true)) return { dims: first, channels, lastIn, lastOut: false };
  if (canMove && fits(last)) return { dims: last, channels, lastIn, lastOut: true };
  const moved = lastIn ? ` (nhwc)` : "";
  throw new ModelError(
    "E_DATA_SHAPE",
    `${what} of shape ${dims.join("×")}${moved} does not fit the model input of shape ${describeShape(shape)}`,
    { where: place, ...shapeHint(shape, dims, layout === "nhwc") },
  );
}

function fitsDim(size: number, dim: Dim): boolean {
  return typeof dim !== "number" || dim === size;
}

export function describeShape(shape: readonly Dim[] | null): string {
  return shape === null ? "?" : shape.length === 0 ? "scalar" : shape.map((dim) => dim ?? "?").join("×");
}

function shapeHint(
  shape: readonly Dim[] | null,
  dims: readonly number[],
  areImages: boolean,
): { hint?: string } {
  if (areImages) return { hint: 'give "resize" and "crop" in the preprocess file' };
  if (shape && shape.length === dims.length + 1)
    return { hint: "the first axis of an array counts the samples" };
  const channelsLast =
    shape && shape.length === dims.length && dims.length >= 3 && fitsDim(dims.at(-1)!, shape[1] ?? null);
  return channelsLast
    ? { hint: 'say "layout": "nhwc" in the preprocess file if the channels come last' }
    : {};
}

function requireType(
  from: DType,
  to: DType,
  preprocess: Preprocess | null,
  what: string,
  where: ErrorPlace,
): void {
  const numeric = isFloat(from) || isInteger(from);
  if (numeric && isFloat(to)) {
    if (isFloat(from) || preprocess) {
      if (!isBigInt(from) || !preprocess) return;
    } else {
      throw new ModelError("E_DATA_PREPROCESS", `${what} is ${from} and the model input is ${to}`, {
        where,
        hint: "say how pixels become the model's input with --preprocess FILE.json",
      });
    }
  }
  if (from === to && !isComplex(from)) return;
  if (isInteger(from) && isInteger(to)) return;
  throw new ModelError("E_DATA_TYPE", `${what} is ${from} and the model input is ${to}`, { where });
}

function requireFiniteValues(
  values: Numbers,
  count: number,
  dtype: DType,
  what: string,
  where: ErrorPlace,
): void {
  if (!isFloat(dtype)) return;
  const numbers = values as NumberArray;
  let bad = 0;
  let first = -1;
  for (let i = 0; i < count; i++) {
    if (Number.isFinite(numbers[i]!)) continue;
    if (bad++ === 0) first = i;
  }
  if (bad === 0) return;
  throw new ModelError(
    "E_DATA_VALUE",
    `${what} holds ${bad} values that are not finite, the first at index ${first}`,
    {
      where,
    },
  );
}

function requireRange(values: Numbers, count: number, target: DType, what: string, where: ErrorPlace): void {
  const probe = allocateValues(target, 1) as Numbers;
  for (let i = 0; i < count; i++) {
    store(probe, 0, values[i]!);
    if (BigInt(probe[0]!) === BigInt(values[i]!)) continue;
    throw new ModelError("E_DATA_VALUE", `${what} holds ${values[i]}, which ${target} cannot hold`, {
      where,
    });
  }
}

type Gather = (indices: ArrayLike<number>, out: Numbers) => void;

function plainGather(values: Numbers, size: number): Gather {
  return (indices, out) => {
    for (let k = 0; k < indices.length; k++) {
      const from = indices[k]! * size;
      if (!isBig(values) && !isBig(out)) out.set(values.subarray(from, from + size), k * size);
      else for (let i = 0; i < size; i++) store(out, k * size + i, values[from + i]!);
    }
  };
}

function pixelGather(
  values: NumberArray,
  size: number,
  { channels, lastIn, lastOut }: AxisOrder,
  preprocess: Preprocess,
  what: string,
  where: ErrorPlace,
): Gather {
  const wanted = channelCount(preprocess);
  if (wanted !== null && wanted !== channels) {
    throw new ModelError(
      "E_DATA_SHAPE",
      `${what} has ${channels} channels, the preprocess is for ${wanted}`,
      { where },
    );
  }
  if (preprocess.channels === "bgr" && channels !== 3) {
    throw new UsageError("E_PREPROCESS", `"channels": "bgr" needs 3 channels, ${what} has ${channels}`, {
      where,
    });
  }
  const area = channels === 0 ? 0 : size / channels;
  const tables = values instanceof Uint8Array ? byteTables(preprocess, channels) : null;
  return (indices, into) => {
    const out = into as NumberArray;
    for (let k = 0; k < indices.length; k++) {
      for (let c = 0; c < channels; c++) {
        const source = preprocess.channels === "bgr" ? channels - 1 - c : c;
        let from = indices[k]! * size + (lastIn ? source : source * area);
        let to = k * size + (lastOut ? c : c * area);
        const fromStep = lastIn ? channels : 1;
        const toStep = lastOut ? channels : 1;
        const table = tables?.[c];
        const { scale, mean, std } = channelConstants(preprocess, c);
        for (let i = 0; i < area; i++, from += fromStep, to += toStep) {
          const x = values[from]!;
          out[to] = table ? table[x]! : (x * scale - mean) / std;
        }
      }
    }
  };
}

/** What each of the 256 bytes becomes, per channel. */
function byteTables(preprocess: Preprocess, channels: number): Float64Array[] {
  return Array.from({ length: channels }, (_, c) => {
    const { scale, mean, std } = channelConstants(preprocess, c);
    return Float64Array.from({ length: 256 }, (_, x) => (x * scale - mean) / std);
  });
}

function isBig(values: Numbers): values is BigInt64Array | BigUint64Array {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}

function store(out: Numbers, at: number, value: number | bigint): void {
  if (isBig(out)) out[at] = BigInt(value);
  else out[at] = Number(value);
}
