import type { Attribute, Model, Node, Tensor, Value } from "../ir/index.js";
import type { Feeds } from "../runtime/index.js";

/** Constants of at most this many integers are part of a signature: bounds, axes and shapes. */
const mostValues = 16;

/**
 * What decides how long a model runs: operators, attributes, structure, shapes and element types, but neither names nor
 * weights. `marked` is the node whose place matters. Equal texts, equal work.
 */
export function signatureText(model: Model, marked: Node | null = null): string {
  const { graph } = model;
  const names = new Map<Value, string>(graph.requiredInputs.map((input, i) => [input, `i${i}`]));
  const inputs = graph.requiredInputs.map(
    ({ type }) => `${type?.dtype ?? "?"}[${type?.shape?.join() ?? "?"}]`,
  );
  const nodes = graph.nodes.map((node, n) => {
    const read = node.inputs.map((input) => {
      if (!input) return "-";
      const constant = input.constant;
      return constant ? tensorText(constant) : (names.get(input) ?? "?");
    });
    node.outputs.forEach((output, slot) => output && names.set(output, `${n}.${slot}`));
    const attributes = [...node.attributes]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${attributeText(value)}`);
    return `${node === marked ? "*" : ""}${node.domain}:${node.op}(${read.join()})${attributes.join(";")}`;
  });
  const opsets = [...graph.opsets].map(([domain, version]) => `${domain}:${version}`).sort();
  const outputs = graph.outputs.map((output) => names.get(output) ?? "?");
  return [...opsets, ...inputs, ...nodes, ...outputs].join("\n");
}

function attributeText(attribute: Attribute): string {
  switch (attribute.kind) {
    case "int":
    case "float":
    case "string":
      return String(attribute.value);
    case "ints":
    case "floats":
    case "strings":
      return attribute.value.join("x");
    case "tensor":
      return tensorText(attribute.value);
    default:
      return attribute.kind;
  }
}

function tensorText({ dtype, dims, size, data }: Tensor): string {
  const values = dtype.startsWith("int") && size <= mostValues ? Array.from(data, String).join("x") : "";
  return `${dtype}[${dims.join()}]${values}`;
}

/** Key of a whole model on certain feeds. */
export function modelKey(model: Model, feeds: Feeds): string {
  const dims = [...feeds].map(([name, tensor]) => `${name}[${tensor.dims.join()}]`);
  return textHash([signatureText(model), ...dims].join("\n"));
}

/** 106 bits of a text for file keys: two runs of cyrb53, a multiplicative hash. Not for secrets. */
export function textHash(text: string): string {
  return [0, 0x9e3779b9].map((seed) => hash53(text, seed).toString(36)).join("");
}

function hash53(text: string, seed: number): number {
  let [a, b] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}
