import {
  allocateValues,
  ConvoptError,
  dtypes,
  InvariantError,
  isFloat,
  isNarrowFloat,
  ModelError,
  roundToNarrow,
  Tensor,
  UnsupportedError,
  type DType,
  type Graph,
  type Node,
  type Values,
} from "../ir/index.js";
import {
  attributesOf,
  fact,
  opDefinition,
  unknownFact,
  type Content,
  type Fact,
  type OpDefinition,
  type RuntimeValue,
} from "../ops/index.js";

import type { BufferPool } from "./buffer-pool.js";

/**
 * How float values are kept between nodes. Every operator accumulates in float64 and stores once.
 * "default": each output is rounded to the dtype that ONNX gives it.
 * "float32": as "default", but floats below 32 bits are kept as float32 between nodes, as CPU runtimes do.
 * "float64": nothing is rounded; float tensors carry a Float64Array whatever their dtype.
 */
export type Precision = "default" | "float64" | "float32";

/** Tensors beyond this many bytes are refused before anything is allocated for them. */
export const largestTensorBytes = 2 ** 31;

export interface EvaluationContext {
  readonly opset: number;
  readonly precision: Precision;
  /** Where float results are allocated; fresh memory without one. */
  readonly pool?: BufferPool | null;
  subgraph(graph: Graph, inputs: readonly RuntimeValue[]): readonly RuntimeValue[];
  random(): number;
}

/** Whether {@link evaluateNode} can run the operator. */
export function canEvaluate(node: Node): boolean {
  return opDefinition(node)?.evaluate !== undefined;
}

/**
 * Outputs of one operator. Throws an UnsupportedError for an operator without evaluation, a ModelError for inputs
 * that can't go together or results beyond {@link largestTensorBytes}; each names the node.
 */
export function evaluateNode(
  node: Node,
  values: readonly RuntimeValue[],
  context: EvaluationContext,
): readonly RuntimeValue[] {
  const definition = opDefinition(node);
  if (!definition?.evaluate) {
    const domain = node.domain === "" ? "" : ` of domain "${node.domain}"`;
    throw new UnsupportedError("E_UNSUPPORTED_OP", `the operator ${node.op}${domain} is not evaluated here`, {
      where: placeOf(node),
      hint: "run it with ONNX Runtime (--engine ort)",
    });
  }
  return outputsOf(node, definition, values, context, (call) => definition.evaluate!(call));
}

/**
 * What Relu makes of {@link evaluateNode}'s outputs, with the same errors; null where they have to be evaluated one after
 * the other.
 */
export function evaluateRectified(
  node: Node,
  values: readonly RuntimeValue[],
  context: EvaluationContext,
): readonly RuntimeValue[] | null {
  const definition = opDefinition(node);
  if (!definition?.evaluateRectified) return null;
  const outputs = outputsOf(
    node,
    definition,
    values,
    context,
    (call) => definition.evaluateRectified!(call) ?? [],
  );
  return outputs.length > 0 ? outputs : null;
}

type Call = Parameters<NonNullable<OpDefinition["evaluate"]>>[0];

function outputsOf(
  node: Node,
  definition: OpDefinition,
  values: readonly RuntimeValue[],
  context: EvaluationContext,
  evaluate: (call: Call) => readonly RuntimeValue[],
): readonly RuntimeValue[] {
  try {
    const attributes = attributesOf(node, context.opset);
    const inputs = values.map((value) => (value instanceof Tensor ? value : null));
    if (node.subgraphs.length === 0) {
      const facts = definition.infer({
        node,
        opset: context.opset,
        attributes,
        inputs: values.map(runtimeFact),
        subgraph: () => [],
      });
      for (const known of facts) if (known) checkBytes(node, known);
    }
    const { precision, pool = null } = context;
    const outputs = evaluate({
      node,
      opset: context.opset,
      attributes,
      inputs,
      values,
      floats: (count, content) => allocateFloats(node, floatStorage(inputs, precision), count, pool, content),
      allocate: (dtype, count, content) => allocate(node, dtype, count, precision, pool, content),
      subgraph: (graph, given) => context.subgraph(graph, given),
      random: () => context.random(),
    });
    return outputs.map((output) => settle(output, inputs, precision));
  } catch (error) {
    throw placedError(error, node);
  }
}

/** Errors of evaluation with the node as their place; anything but a ConvoptError is out of memory or a bug of ours. */
export function placedError(error: unknown, node: Node): unknown {
  if (error instanceof ConvoptError) return error.where.node === undefined ? error.at(placeOf(node)) : error;
  if (error instanceof RangeError && /array (buffer|length)|allocation/i.test(error.message)) {
    return new ModelError("E_MEMORY", "there is not enough memory for the result", {
      where: placeOf(node),
      cause: error,
    });
  }
  if (error instanceof Error && error.name === "AbortError") return error;
  const what = error instanceof Error ? error.message : String(error);
  return new InvariantError(`evaluation failed: ${what}`, { where: placeOf(node), cause: error });
}

function placeOf(node: Node): { node: string; op: string } {
  return { node: node.label, op: node.op };
}

/** What inference may know of an operand at run time: its type, and its value when that may be a shape. */
function runtimeFact(value: RuntimeValue): Fact | null {
  if (value === null) return null;
  if (!(value instanceof Tensor)) return unknownFact;
  return value.size <= 1024
    ? { dtype: value.dtype, shape: value.dims, value, dims: null }
    : fact(value.dtype, value.dims);
}

function checkBytes(node: Node, { dtype, shape }: Fact): void {
  if (!shape) return;
  let count = 1;
  for (const dim of shape) {
    if (typeof dim !== "number") return;
    count *= dim;
  }
  guardSize(node, count, storageBytes(dtype ?? "float32"), shape as readonly number[]);
}

function storageBytes(dtype: DType): number {
  const bits = dtypes[dtype].bits;
  return bits < 8 || dtype === "string" ? 8 : isNarrowFloat(dtype) ? 4 : bits / 8;
}

function guardSize(node: Node, count: number, bytes: number, dims: readonly number[] = [count]): void {
  if (count * bytes <= largestTensorBytes) return;
  throw new ModelError(
    "E_MEMORY",
    `a tensor of shape [${dims.join(", ")}] needs ${(count * bytes).toExponential(2)} bytes, more than the ${largestTensorBytes} that one tensor may take`,
    { where: placeOf(node) },
  );
}

type FloatStorage = "Float32Array" | "Float64Array";

function allocateFloats(
  node: Node,
  storage: FloatStorage,
  count: number,
  pool: BufferPool | null,
  content?: Content,
): Float32Array | Float64Array {
  guardSize(node, count, storage === "Float64Array" ? 8 : 4);
  const pooled = pool?.take(storage, count, content);
  if (pooled) return pooled;
  return storage === "Float64Array" ? new Float64Array(count) : new Float32Array(count);
}

function allocate(
  node: Node,
  dtype: DType,
  count: number,
  precision: Precision,
  pool: BufferPool | null,
  content?: Content,
): Values {
  if (isFloat(dtype)) return allocateFloats(node, storageOf(dtype, precision), count, pool, content);
  guardSize(node, count, storageBytes(dtype));
  return allocateValues(dtype, count);
}

/** Narrow floats go through float64 so that they are rounded once only. */
function storageOf(dtype: DType, precision: Precision): FloatStorage {
  if (dtype === "float64" || precision === "float64") return "Float64Array";
  return dtype === "float32" || precision === "float32" ? "Float32Array" : "Float64Array";
}

function floatStorage(inputs: readonly (Tensor | null)[], precision: Precision): FloatStorage {
  if (precision === "float64") return "Float64Array";
  const wide = inputs.some(
    (input) => input && isFloat(input.dtype) && storageOf(input.dtype, precision) === "Float64Array",
  );
  return wide ? "Float64Array" : "Float32Array";
}

function settle(value: RuntimeValue, inputs: readonly (Tensor | null)[], precision: Precision): RuntimeValue {
  if (value === null || precision === "float64") return value;
  if (!(value instanceof Tensor)) return value.map((tensor) => settleTensor(tensor, inputs, precision));
  return settleTensor(value, inputs, precision);
}

/** Rounds a result to its dtype. Data that was only passed on is as its producer left it. */
function settleTensor(tensor: Tensor, inputs: readonly (Tensor | null)[], precision: Precision): Tensor {
  const { dtype } = tensor;
  if (!isFloat(dtype) || dtype === "float64") return tensor;
  if (dtype === "float32" || precision === "float32") {
    return tensor.data instanceof Float64Array
      ? Tensor.of(dtype, tensor.dims, Float32Array.from(tensor.data))
      : tensor;
  }
  if (tensor.data instanceof Float32Array) {
    for (const input of inputs) if (input?.dtype === dtype && input.data === tensor.data) return tensor;
  }
  return Tensor.of(dtype, tensor.dims, roundToNarrow(tensor.numbers, dtype));
}
