import { elementCount, Patch, Tensor, type Model, type Node, type Value } from "../../src/ir/index.js";
import { inferFacts } from "../../src/measure/index.js";
import { seededNormal } from "./seeded-normal.js";

/**
 * Replaces the weights that the `light-*` models make with ConstantOfShape by seeded random initializers, in place.
 * Scales follow the role of each weight, so that activations keep their size through the net: He for convolutions and
 * fully connected layers, near one for scales and variances, small for biases and means. Returns the model.
 */
export function withRandomWeights(model: Model, seed = 0): Model {
  const facts = inferFacts(model);
  const shapes = new Map<Node, readonly number[]>();
  for (const node of model.graph.nodes) {
    if (!node.is("ConstantOfShape")) continue;
    const { dtype, shape } = facts.of(node.output);
    if (dtype !== "float32" || !shape?.every((dim) => typeof dim === "number")) continue;
    shapes.set(node, shape as number[]);
  }
  for (const [node, dims] of shapes) {
    const random = seededNormal(seed, node.output.name);
    const draw = drawFor(node.output, dims);
    const values = Float32Array.from({ length: elementCount(dims) }, () => draw(random()));
    const patch = new Patch(model.graph, node);
    patch.replace(node.output, patch.constant("weight", Tensor.f32(dims, values)));
    patch.apply();
  }
  return model;
}

/** How a standard normal number becomes a weight of this role. */
function drawFor(value: Value, dims: readonly number[]): (normal: number) => number {
  const [use] = value.uses;
  if (!use) return (normal) => 0.1 * normal;
  const { node, index } = use;
  if (node.is("Unsqueeze", "Reshape", "Identity", "Transpose")) return drawFor(node.output, dims);
  if (node.is("Conv") && index === 1) return he(elementCount(dims.slice(1)));
  if (node.is("Gemm", "MatMul") && index === 1) {
    const transposed = node.attributes.get("transB");
    return he(transposed?.kind === "int" && transposed.value === 1 ? dims[1]! : dims[0]!);
  }
  if (node.is("BatchNormalization") && (index === 1 || index === 4))
    return (normal) => Math.exp(0.2 * normal);
  if (node.is("Mul")) return (normal) => Math.exp(0.2 * normal);
  return (normal) => 0.1 * normal;
}

function he(fanIn: number): (normal: number) => number {
  const deviation = Math.sqrt(2 / fanIn);
  return (normal) => deviation * normal;
}

/** Names of the outputs, with a Softmax at the end replaced by what goes into it. */
export function outputsBeforeSoftmax(model: Model): readonly string[] {
  return model.graph.outputs.map((output) => {
    const { producer } = output;
    return producer?.is("Softmax") ? producer.input(0)!.name : output.name;
  });
}
