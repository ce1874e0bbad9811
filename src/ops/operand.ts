import { ModelError, UnsupportedError, type Dim, type DType, type Node, type Tensor } from "../ir/index.js";
import { unknownFact, type Fact } from "./fact.js";
import type { EvalCall, InferCall } from "./op.js";

/** What the checks need of a call: the node that errors name. */
export interface Site {
  readonly node: Node;
}

function placeOf({ node }: Site): { node: string; op: string } {
  return { node: node.label, op: node.op };
}

/** A ModelError `E_SHAPE` at the node: sizes, ranks or axes that can't go together. */
export function shapeError(site: Site, what: string, hint?: string): ModelError {
  return new ModelError("E_SHAPE", what, { where: placeOf(site), ...(hint === undefined ? {} : { hint }) });
}

/** A ModelError `E_DTYPE` at the node: element types that can't go together. */
export function dtypeError(site: Site, what: string, hint?: string): ModelError {
  return new ModelError("E_DTYPE", what, { where: placeOf(site), ...(hint === undefined ? {} : { hint }) });
}

/** A ModelError `E_ATTRIBUTE` at the node: an attribute that is missing or has a value the operator doesn't know. */
export function attributeError(site: Site, what: string, hint?: string): ModelError {
  return new ModelError("E_ATTRIBUTE", what, {
    where: placeOf(site),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** An UnsupportedError `E_UNSUPPORTED` at the node: valid ONNX that isn't evaluated here. */
export function unsupported(site: Site, what: string): UnsupportedError {
  return new UnsupportedError("E_UNSUPPORTED", what, { where: placeOf(site) });
}

/** Input `index` of an evaluation; a ModelError `E_INPUT` when it is absent. */
export function operand(call: EvalCall<unknown>, index: number): Tensor {
  const tensor = call.inputs[index];
  if (tensor) return tensor;
  throw new ModelError("E_INPUT", `input ${index} is missing`, { where: placeOf(call) });
}

/** The fact of input `index`; nothing is known of an absent one. */
export function factOf(call: InferCall<unknown>, index: number): Fact {
  return call.inputs[index] ?? unknownFact;
}

/** A shape as users read it: `[N, 3, ?, 32]`. */
export function formatShape(shape: readonly Dim[] | null): string {
  return shape ? `[${shape.map((dim) => dim ?? "?").join(", ")}]` : "[…]";
}

/** `axis` counted from the front. Negative axes count from the back; outside [-rank, rank-1] is an `E_SHAPE`. */
export function axisIn(site: Site, axis: number, rank: number, name = "axis"): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw shapeError(site, `${name} ${axis} is outside [-${rank}, ${rank - 1}] for an input of rank ${rank}`);
}

/** All of `axes` counted from the front; an axis named twice is an `E_SHAPE`. */
export function axesIn(site: Site, axes: readonly number[], rank: number, name = "axes"): number[] {
  const normal = axes.map((axis) => axisIn(site, axis, rank, name));
  if (new Set(normal).size < normal.length) {
    throw shapeError(site, `${name} [${axes.join(", ")}] name an axis twice for an input of rank ${rank}`);
  }
  return normal;
}

/** Integer values as numbers; int64 beyond ±2^53 becomes the nearest double (INT64_MAX as «to the end»). */
export function integersOf(tensor: Tensor): number[] {
  const data = tensor.data;
  if (Array.isArray(data)) return data.map(Number);
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** The integers of an input at evaluation time, null when it is absent. */
export function integerOperand(call: EvalCall<unknown>, index: number): number[] | null {
  const tensor = call.inputs[index];
  return tensor ? integersOf(tensor) : null;
}

/** The numbers of an input that is constant at compile time, null when absent or not constant. */
export function constantNumbers(call: InferCall<unknown>, index: number): number[] | null {
  const value = call.inputs[index]?.value;
  return value && value.dtype !== "string" ? integersOf(value) : null;
}

/** The single number of a scalar or one-element tensor. */
export function scalarOf(site: Site, tensor: Tensor, name: string): number {
  if (tensor.size !== 1) {
    throw shapeError(site, `${name} must have one element, not shape ${formatShape(tensor.dims)}`);
  }
  return integersOf(tensor)[0]!;
}

/** The common dtype of `facts`, null when none is known; two that differ are an `E_DTYPE`. */
export function commonDtype(site: Site, facts: readonly (Fact | null)[]): DType | null {
  let dtype: DType | null = null;
  for (const fact of facts) {
    if (!fact?.dtype) continue;
    if (dtype !== null && dtype !== fact.dtype) {
      throw dtypeError(
        site,
        `inputs of types ${dtype} and ${fact.dtype} must have one type`,
        "insert a Cast",
      );
    }
    dtype = fact.dtype;
  }
  return dtype;
}

/** Evaluation twin of {@link commonDtype}: the type of all `tensors`. */
export function sameDtype(site: Site, tensors: readonly Tensor[]): DType {
  const first = tensors[0]!.dtype;
  const other = tensors.find((tensor) => tensor.dtype !== first);
  if (other) {
    throw dtypeError(site, `inputs of types ${first} and ${other.dtype} must have one type`, "insert a Cast");
  }
  return first;
}
