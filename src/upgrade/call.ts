import {
  Tensor,
  UnsupportedError,
  type Attribute,
  type AttributeInput,
  type DType,
  type Node,
  type Value,
} from "../ir/index.js";
import type { Fact } from "../ops/index.js";

/** An operator call on its way from one version of its operator to the next. */
export interface Call {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Which of the node's outputs the call still has; all when absent. */
  readonly outputs?: number;
}

/** What a rule may ask and add. */
export interface Workshop {
  /** The node as it was. */
  readonly node: Node;
  /** Version that the model is brought to; added nodes are of that version. */
  readonly target: number;
  /** What is known of an input. */
  fact(value: Value | null | undefined): Fact;
  /** The tensor of an input that can't change at run time, null for others. */
  constant(value: Value | null | undefined): Tensor | null;
  /** Adds a constant input. */
  add(suffix: string, tensor: Tensor): Value;
  /** Adds a node in front of the call and returns its output. */
  op(
    op: string,
    inputs: readonly (Value | null)[],
    attributes?: Readonly<Record<string, AttributeInput | undefined>>,
  ): Value;
  /** True when something reads output `index` of the node. */
  isRead(index: number): boolean;
}

/** One change of an operator between two of its versions. */
export interface Rule {
  readonly ops: readonly string[];
  /** First operator set in which the new form holds. */
  readonly since: number;
  readonly apply: (call: Call, workshop: Workshop) => Call;
}

export function without(call: Call, ...names: readonly string[]): Call {
  const attributes = new Map([...call.attributes].filter(([name]) => !names.includes(name)));
  return { ...call, attributes };
}

export function withAttribute(call: Call, name: string, attribute: Attribute): Call {
  return { ...call, attributes: new Map([...call.attributes, [name, attribute]]) };
}

export function intOf(call: Call, name: string): number | null {
  const attribute = call.attributes.get(name);
  return attribute?.kind === "int" ? attribute.value : null;
}

/** A FLOAT, or an INT where early exporters wrote one. */
export function floatOf(call: Call, name: string): number | null {
  const attribute = call.attributes.get(name);
  return attribute?.kind === "float" || attribute?.kind === "int" ? attribute.value : null;
}

export function intsOf(call: Call, name: string): readonly number[] | null {
  const attribute = call.attributes.get(name);
  return attribute?.kind === "ints" ? attribute.value : null;
}

/** INT64 bounds as Slice's «to the end» come as doubles; they are written back as the bounds. */
export function int64Tensor(values: readonly number[]): Tensor {
  const most = 2n ** 63n - 1n;
  const least = -(2n ** 63n);
  const exact = values.map((value) => {
    const integer = BigInt(value);
    return integer > most ? most : integer < least ? least : integer;
  });
  return Tensor.i64([values.length], exact);
}

/** A scalar of the dtype of `value`, float32 when that is unknown. */
export function scalarLike(value: Value | null | undefined, workshop: Workshop, number: number): Tensor {
  const dtype: DType = workshop.fact(value).dtype ?? "float32";
  if (dtype === "int64") return Tensor.i64([], [Math.trunc(number)]);
  if (dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16") {
    return Tensor.floats(dtype, [], [number]);
  }
  if (dtype === "int32") return Tensor.of("int32", [], Int32Array.of(number));
  throw unsupported(workshop, `its ${dtype} constant cannot be written`);
}

export function unsupported({ node, target }: Workshop, why: string): UnsupportedError {
  return new UnsupportedError("E_UPGRADE", `the node cannot be brought to opset ${target}: ${why}`, {
    where: { node: node.label, op: node.op },
  });
}

/** Gives `value` trailing axes of size 1, by reshaping a constant or by a node. */
export function appendAxes(value: Value, rank: number, axes: number, workshop: Workshop): Value {
  if (axes === 0) return value;
  const constant = workshop.constant(value);
  if (constant) {
    return workshop.add(
      "aligned",
      constant.reshape([...constant.dims, ...Array.from({ length: axes }, () => 1)]),
    );
  }
  const added = Array.from({ length: axes }, (_, index) => rank + index);
  return unsqueeze(value, added, workshop);
}

export function unsqueeze(value: Value, axes: readonly number[], workshop: Workshop): Value {
  return workshop.target >= 13
    ? workshop.op("Unsqueeze", [value, workshop.add("axes", int64Tensor(axes))])
    : workshop.op("Unsqueeze", [value], { axes });
}
