import { allNodes, type Graph, type Node } from "../ir/index.js";

/*
 * Which version of the default operator set a file without opset_import means: the newest one that its IR version
 * could know and that still has every attribute, input count and operator that the file uses. The ranges are those
 * of the operators' own version histories.
 */

interface Evidence {
  readonly ops: readonly string[];
  readonly when?: (node: Node) => boolean;
  /** Oldest and newest version in which such a node exists. */
  readonly from?: number;
  readonly to?: number;
}

const hasAttribute =
  (...names: readonly string[]) =>
  (node: Node): boolean =>
    names.some((name) => node.attributes.has(name));
const inputs =
  (least: number) =>
  (node: Node): boolean =>
    node.inputs.length >= least;

const evidence: readonly Evidence[] = [
  { ops: ["Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less", "Gemm", "PRelu"], when: hasAttribute("broadcast"), to: 6 },
  { ops: ["Add", "Sub", "Mul", "Div", "Abs", "BatchNormalization", "Clip", "Dropout", "InstanceNormalization", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Exp", "Log", "Sqrt", "Neg", "Floor", "Ceil", "Max", "Min", "Mean", "Sum", "PRelu", "Selu", "HardSigmoid", "Reciprocal"], when: hasAttribute("consumed_inputs"), to: 5 },
  { ops: ["BatchNormalization", "Dropout"], when: hasAttribute("is_test"), to: 6 },
  { ops: ["BatchNormalization"], when: hasAttribute("spatial"), to: 8 },
  { ops: ["BatchNormalization"], when: hasAttribute("training_mode"), from: 14 },
  { ops: ["Dropout"], when: hasAttribute("ratio"), to: 11 },
  { ops: ["Dropout"], when: inputs(2), from: 12 },
  { ops: ["Reshape"], when: hasAttribute("shape"), to: 4 },
  { ops: ["Reshape"], when: inputs(2), from: 5 },
  { ops: ["Pad"], when: hasAttribute("paddings"), to: 1 },
  { ops: ["Pad"], when: hasAttribute("pads"), from: 2, to: 10 },
  { ops: ["Pad"], when: inputs(2), from: 11 },
  { ops: ["Clip"], when: hasAttribute("min", "max"), to: 10 },
  { ops: ["Clip"], when: inputs(2), from: 11 },
  { ops: ["Slice"], when: hasAttribute("starts", "ends"), to: 9 },
  { ops: ["Slice"], when: inputs(3), from: 10 },
  { ops: ["Split"], when: hasAttribute("split"), to: 12 },
  { ops: ["Squeeze", "Unsqueeze", "ReduceSum"], when: hasAttribute("axes"), to: 12 },
  { ops: ["Squeeze", "Unsqueeze", "ReduceSum"], when: inputs(2), from: 13 },
  { ops: ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"], when: hasAttribute("axes"), to: 17 },
  { ops: ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"], when: inputs(2), from: 18 },
  { ops: ["Upsample"], when: hasAttribute("height_scale", "width_scale"), to: 1 },
  { ops: ["Upsample"], when: hasAttribute("scales"), from: 7, to: 8 },
  { ops: ["Upsample"], to: 9 },
  { ops: ["TopK"], when: hasAttribute("k"), to: 9 },
  { ops: ["Cast"], when: (node) => node.attributes.get("to")?.kind === "string", to: 5 },
  { ops: ["Cast"], when: (node) => node.attributes.get("to")?.kind === "int", from: 6 },
  { ops: ["GRUUnit", "Affine", "Crop", "ImageScaler", "ParametricSoftplus", "ScaledTanh", "GivenTensorFill", "Scale"], to: 9 },
  { ops: ["Concat"], when: (node) => !node.attributes.has("axis"), to: 3 },
  { ops: ["Expand", "Scan"], from: 8 },
  { ops: ["Where", "ConstantOfShape", "Shrink", "OneHot", "NonZero", "Erf", "Scatter"], from: 9 },
  { ops: ["Resize", "QuantizeLinear", "DequantizeLinear", "Mod", "RoiAlign", "ThresholdedRelu"], from: 10 },
  { ops: ["GatherND", "ScatterND", "CumSum", "Range", "Round", "DepthToSpace"], when: (node) => node.op !== "DepthToSpace" || node.attributes.has("mode"), from: 11 },
  { ops: ["Celu", "Einsum", "GreaterOrEqual", "LessOrEqual"], from: 12 },
  { ops: ["HardSwish", "Trilu"], from: 14 },
  { ops: ["GridSample", "ScatterElements"], when: (node) => node.op === "GridSample" || node.attributes.has("reduction"), from: 16 },
  { ops: ["LayerNormalization"], from: 17 },
  { ops: ["Mish", "GroupNormalization"], from: 18 },
  { ops: ["Gelu"], from: 20 },
]; // prettier-ignore

/** Newest operator set of each IR version; before IR 3 files had no opset_import at all. */
const newestOfIr = [6, 6, 6, 8, 9, 10, 11, 14, 18, 20, 22, 23, 24, 25, 28];

export function deduceOpset(graph: Graph): number {
  let from = 1;
  let to = newestOfIr[graph.irVersion] ?? newestOfIr.at(-1)!;
  for (const node of allNodes(graph)) {
    if (node.domain !== "") continue;
    for (const item of evidence) {
      if (!item.ops.includes(node.op) || item.when?.(node) === false) continue;
      from = Math.max(from, item.from ?? 1);
      to = Math.min(to, item.to ?? Infinity);
    }
  }
  // Contradicting evidence: new operators are impossible in an old set, old attributes are often just left over.
  return Math.max(from, to);
}
