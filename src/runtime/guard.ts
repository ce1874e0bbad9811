import {
  allNodes,
  dtypes,
  ModelError,
  verify,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type Value,
} from "../ir/index.js";
import { inferFacts, largestTensorBytes, type FactTable } from "../measure/index.js";

/** Tensors of more axes don't exist in practice; native code has fixed-size arrays for them. */
const highestRank = 64;

/** Operators that make big tensors from small ones. */
const growingOps: ReadonlySet<string> = new Set([
  "ConstantOfShape", "Expand", "Tile", "Range", "Pad", "Resize", "Upsample", "OneHot", "EyeLike", "RandomNormal",
  "RandomUniform",
]); // prettier-ignore

const convolutions: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "ConvInteger", "QLinearConv"]);

/**
 * Our own checks before native code sees a model: the graph is consistent, inference finds no contradiction between
 * nodes, groups and ranks are sane, no tensor of known size is beyond {@link largestTensorBytes}. Throws a ModelError
 * or, for a graph that isn't well formed, an InvariantError. Returns what inference found.
 */
export function guardModel(model: Model): FactTable {
  verify(model.graph);
  for (const { body } of model.functions) verify(body);
  for (const graph of [model.graph, ...model.functions.map(({ body }) => body)]) {
    for (const node of allNodes(graph)) checkNode(node);
  }
  const facts = inferFacts(model);
  checkValues(model.graph, facts);
  return facts;
}

function checkNode(node: Node): void {
  if (node.domain === "" && convolutions.has(node.op)) {
    const group = node.attributes.get("group");
    if (group?.kind === "int" && group.value < 1) {
      throw new ModelError("E_ATTRIBUTE", `group must be at least 1, not ${group.value}`, {
        where: placeOf(node),
      });
    }
    for (const name of ["strides", "dilations", "kernel_shape"]) {
      const attribute = node.attributes.get(name);
      if (attribute?.kind === "ints" && attribute.value.some((entry) => entry < 1)) {
        throw new ModelError("E_ATTRIBUTE", `${name} [${attribute.value.join(", ")}] must be positive`, {
          where: placeOf(node),
        });
      }
    }
  }
}

function checkValues(graph: Graph, facts: FactTable): void {
  for (const value of [...graph.inputs, ...graph.initializers]) checkValue(value, facts, null);
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output) checkValue(output, facts, node);
    const inner = facts.inside(node);
    if (inner) checkValues(inner.graph, inner);
    for (const subgraph of node.subgraphs) checkValues(subgraph, facts);
  }
}

function checkValue(value: Value, facts: FactTable, node: Node | null): void {
  const { dtype, shape } = facts.of(value);
  if (!shape) return;
  const where = { tensor: value.name, ...(node ? placeOf(node) : {}) };
  if (shape.length > highestRank) {
    throw new ModelError("E_RANK", `a tensor of ${shape.length} axes; at most ${highestRank} are possible`, {
      where,
    });
  }
  const bytes = (knownElements(shape) * dtypes[dtype ?? "float32"].bits) / 8;
  // Weights are as big as their file says; what nodes make is only limited here.
  if (value.initializer || bytes <= largestTensorBytes) return;
  const what = node && growingOps.has(node.op) ? `${node.op} would make` : "the model needs";
  throw new ModelError(
    "E_MEMORY",
    `${what} a tensor of shape [${shape.map((dim) => dim ?? "?").join(", ")}] with at least ${bytes.toExponential(2)} bytes`,
    { where },
  );
}

/** Elements at least: axes of unknown length count as one. */
function knownElements(shape: readonly Dim[]): number {
  return shape.reduce((count: number, dim) => count * (typeof dim === "number" ? dim : 1), 1);
}

function placeOf(node: Node): { node: string; op: string } {
  return { node: node.label, op: node.op };
}
