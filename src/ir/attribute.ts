import { ModelError } from "./errors.js";
import type { Graph } from "./graph.js";
import type { Tensor } from "./tensor.js";

/**
 * An attribute with its ONNX type as the tag: INT 1 is not FLOAT 1.0. Attributes are immutable and shared by
 * identity (the codec re-emits an unchanged one from its original message). INT beyond ±2^53 (INT64_MAX as «to the
 * end») is held as the nearest double; the original bytes survive in the message.
 */
export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "tensors"; readonly value: readonly Tensor[] }
  | { readonly kind: "graph"; readonly value: Graph }
  | { readonly kind: "graphs"; readonly value: readonly Graph[] }
  /** A reference to an attribute of the enclosing function. */
  | { readonly kind: "reference"; readonly name: string }
  /** Anything else (sparse tensors, type protos), carried by the codec untouched. */
  | { readonly kind: "opaque"; readonly description: string; readonly source: unknown };

export type Attributes = ReadonlyMap<string, Attribute>;

/** Plain values as attributes: integers become INT, arrays of integers INTS, strings STRING; use `attr.float` for floats. */
export type AttributeInput = Attribute | number | string | readonly number[] | Tensor;

export const attr = {
  int: (value: number): Attribute => ({ kind: "int", value }),
  float: (value: number): Attribute => ({ kind: "float", value }),
  string: (value: string): Attribute => ({ kind: "string", value }),
  ints: (value: readonly number[]): Attribute => ({ kind: "ints", value }),
  floats: (value: readonly number[]): Attribute => ({ kind: "floats", value }),
  strings: (value: readonly string[]): Attribute => ({ kind: "strings", value }),
  tensor: (value: Tensor): Attribute => ({ kind: "tensor", value }),
  graph: (value: Graph): Attribute => ({ kind: "graph", value }),
};

/** Attribute map from a record; `undefined` entries are left out. */
export function attributes(record: Readonly<Record<string, AttributeInput | undefined>>): Attributes {
  const map = new Map<string, Attribute>();
  for (const [name, input] of Object.entries(record)) {
    if (input !== undefined) map.set(name, toAttribute(input));
  }
  return map;
}

function toAttribute(input: AttributeInput): Attribute {
  if (typeof input === "string") return attr.string(input);
  if (typeof input === "number") {
    if (!Number.isInteger(input))
      throw new ModelError("E_ATTRIBUTE", `${input} is not an INT; use attr.float`);
    return attr.int(input);
  }
  if (Array.isArray(input)) {
    const values = input as readonly number[];
    if (!values.every(Number.isInteger))
      throw new ModelError("E_ATTRIBUTE", `[${values.join(",")}] are not INTS; use attr.floats`);
    return attr.ints(values);
  }
  if ("kind" in input) return input as Attribute;
  return attr.tensor(input as Tensor);
}
