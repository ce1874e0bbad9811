import { plainLowering, programOf, type ConvLayer } from "../forms/index.js";
import type { Node, Value } from "../ir/index.js";
import { nodeMacs, type FactTable } from "../measure/index.js";
import type { Feeds } from "../runtime/index.js";
import { addFeatures, convKind, features, noFeatures, programFeatures, type Features } from "./features.js";

/** Operators that only name memory anew. */
const views = ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Constant"];
/** Operators that a convolution in front takes in. */
const takenIn = ["Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "BatchNormalization"];

/** Features of every node of a model, by place in the graph; shapes that aren't known count as nothing. */
export function modelFeatures(nodes: readonly Node[], facts: FactTable, batch: number): Features[] {
  return nodes.map((node) => nodeFeatures(node, facts, batch));
}

function nodeFeatures(node: Node, facts: FactTable, batch: number): Features {
  if (node.is(...views)) return noFeatures;
  if (node.is(...takenIn) && node.input(0)?.producer?.is("Conv")) return noFeatures;
  const values = [...node.inputs, ...node.outputs].filter((value): value is Value => value !== null);
  const bytes = values.reduce((sum, value) => sum + bytesOf(value, facts), 0);
  const macs = (nodeMacs(node, facts) ?? 0) * batch;
  return features({ [kindOf(node, facts)]: macs, bytes, nodes: 1 });
}

function kindOf(node: Node, facts: FactTable): ReturnType<typeof convKind> {
  const dims = facts.of(node.input(1)).shape;
  if (!node.is("Conv") || !dims?.every((dim) => typeof dim === "number")) return "pointwise";
  const [outChannels, perIn, ...kernel] = dims as readonly number[];
  const attribute = node.attributes.get("group");
  const group = attribute?.kind === "int" ? attribute.value : 1;
  const ones = kernel.map(() => 1);
  return convKind({
    ...{ inChannels: perIn! * group, outChannels: outChannels!, kernel, group },
    ...{ strides: ones, dilations: ones, pads: [...ones, ...ones] },
  });
}

function bytesOf(value: Value, facts: FactTable): number {
  const { shape } = facts.of(value);
  return (shape ?? []).reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 4);
}

/** Features of a layer as it is, with the Add behind it when that is part of a form's program too. */
export function layerFeatures(layer: ConvLayer, shortcut: boolean, batch: number): Features {
  const { spec } = layer;
  const stage = { spec, taps: spec.kernel.map((_, axis) => axis), weight: () => layer.weight };
  const chains = { branches: [[stage]], orderedIn: false, orderedOut: false, bias: true };
  return programFeatures(programOf(chains, plainLowering, shortcut), layer, batch);
}

export function sumFeatures(all: readonly Features[]): Features {
  return all.reduce((sum, one) => addFeatures(sum, one), noFeatures);
}

/** Samples in one run: the first dimension that all feeds share, else 1. */
export function batchOf(feeds: Feeds): number {
  const firsts = new Set([...feeds.values()].map(({ dims }) => dims[0] ?? 1));
  const [first = 1] = firsts;
  return firsts.size === 1 ? first : 1;
}
