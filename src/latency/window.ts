import {
  extract,
  isFloat,
  Tensor,
  type Cut,
  type Model,
  type Node,
  type TensorType,
  type Value,
} from "../ir/index.js";
import type { ConvLayer } from "../forms/index.js";
import { shortcutOf } from "../forms/index.js";
import { nodeMacs, type FactTable } from "../measure/index.js";
import { elementCount } from "../ir/index.js";
import type { Feeds } from "../runtime/index.js";
import { tiledNoise } from "./noise.js";
import { signatureText, textHash } from "./signature.js";

/*
 * A layer is timed inside a window of its network: the convolutions before and behind it with what lies between, so that
 * conversions of the layout, fused activations and sums count as they do in the whole network.
 */

/** A layer that costs are asked for: the layer and the value of the model that it makes. */
export interface LatencySlot {
  readonly layer: ConvLayer;
  readonly output: string;
}

export interface LayerWindow {
  /** Equal for windows in which the runtime does the same work. */
  readonly key: string;
  /** The window with the layer as it is; shapes are fixed. */
  readonly model: Model;
  readonly feeds: Feeds;
  /** Value that the layer makes in it. */
  readonly output: string;
  readonly layer: ConvLayer;
  /** The layer's output goes into an Add of the network only. */
  readonly shortcut: boolean;
  /** Bytes of all activations in it. */
  readonly bytes: number;
  /** It is the whole model. */
  readonly isModel: boolean;
}

/**
 * A model of at most so many milliseconds is its layers' window itself, and where others run a window of it, it runs before
 * them: caches are then as in the network.
 */
export const smallModelMs = 25;
/** Neighbours that take more than this many times the layer's MACs are left out. */
const mostNeighbourMacs = 2;
/** Nodes between convolutions that are followed to either side. */
const mostBetween = 10;

/** The window around a layer; null when shapes or types in it are not known. */
export function layerWindow(
  model: Model,
  facts: FactTable,
  { layer, output }: LatencySlot,
): LayerWindow | null {
  const node = model.graph.value(output)?.producer;
  if (!node) return null;
  const chosen = new Set([node, ...before(node, facts), ...behind(node, facts)]);
  return build(model, facts, node, chosen, layer) ?? build(model, facts, node, new Set([node]), layer);
}

function isLayer(node: Node): boolean {
  return node.is("Conv", "ConvTranspose", "Gemm", "MatMul");
}

function small(node: Node, layer: Node, facts: FactTable): boolean {
  const [own, other] = [nodeMacs(layer, facts), nodeMacs(node, facts)];
  return own !== null && other !== null && other <= mostNeighbourMacs * own;
}

/** What runs at run time and has no subgraphs of its own: anything else is fed. */
function dynamicInputs(node: Node): Value[] {
  return node.inputs.filter((input): input is Value => input !== null && !input.constant);
}

/** Nodes in front up to the next convolutions; values that others read too are fed, except the layer's own input. */
function before(layer: Node, facts: FactTable): Node[] {
  const found = new Set<Node>();
  const visit = (value: Value | null, own: boolean): void => {
    const maker = value?.producer;
    if (!maker || maker.graph !== layer.graph || found.has(maker) || value.constant) return;
    if (maker.subgraphs.length > 0 || (!own && value.uses.length > 1)) return;
    if (isLayer(maker)) {
      if (small(maker, layer, facts)) found.add(maker);
      return;
    }
    if (found.size >= mostBetween) return;
    found.add(maker);
    for (const input of dynamicInputs(maker)) visit(input, false);
  };
  visit(layer.input(0), true);
  return [...found];
}

/** Nodes behind up to the next convolutions, as far as all they read is in the window or doesn't hang on the layer. */
function behind(layer: Node, facts: FactTable): Node[] {
  const { nodes } = layer.graph!;
  const dependent = new Set<Value>();
  const open = new Set<Value>();
  const add = (values: readonly (Value | null)[], to: Set<Value>): void => {
    for (const value of values) if (value) to.add(value);
  };
  add(layer.outputs, dependent);
  add(layer.outputs, open);
  const found: Node[] = [];
  let between = 0;
  for (const node of nodes.slice(nodes.indexOf(layer) + 1)) {
    const reads = dynamicInputs(node);
    if (!reads.some((value) => dependent.has(value))) continue;
    add(node.outputs, dependent);
    if (node.subgraphs.length > 0 || !reads.every((value) => !dependent.has(value) || open.has(value)))
      continue;
    if (isLayer(node)) {
      if (small(node, layer, facts)) found.push(node);
    } else if (between < mostBetween) {
      between++;
      found.push(node);
      add(node.outputs, open);
    }
  }
  return found;
}

function build(
  model: Model,
  facts: FactTable,
  node: Node,
  chosen: ReadonlySet<Node>,
  layer: ConvLayer,
): LayerWindow | null {
  const made = new Set([...chosen].flatMap((each) => each.outputs));
  const outside = [...chosen].flatMap(dynamicInputs).filter((value) => !made.has(value));
  const cuts: Cut[] = [];
  const constants = new Map<string, Tensor>();
  for (const value of new Set(outside)) {
    const type = typeOf(value, facts);
    const constant = facts.constant(value);
    if (!type || (!constant && !isFloat(type.dtype))) return null;
    if (constant) constants.set(value.name, constant);
    cuts.push({ name: value.name, type });
  }
  const outputs = [...made].filter((value): value is Value => value !== null && isEnd(value, chosen));
  const names = outputs.map(({ name }) => name);
  const window = extract(model, cuts, names);
  for (const output of outputs) {
    const type = typeOf(output, facts);
    if (!type) return null;
    window.graph.value(output.name)!.type = type;
  }
  const inner = window.graph.value(node.output.name)?.producer;
  if (!inner) return null;
  let feeds: Feeds | null = null;
  let bytes = 0;
  for (const value of new Set([...outside, ...made])) bytes += value ? bytesOf(value, facts) : 0;
  return {
    key: textHash(signatureText(window, inner)),
    model: window,
    get feeds() {
      return (feeds ??= new Map(
        window.graph.requiredInputs.map(
          ({ name, type }) => [name, constants.get(name) ?? noise(type!)] as const,
        ),
      ));
    },
    output: node.output.name,
    layer,
    shortcut: shortcutOf(inner) !== null,
    bytes,
    isModel: false,
  };
}

/** The whole model as the window of a layer: nothing is cut, and nothing of the runtime's work happens that the model lacks. */
export function modelWindow(
  model: Model,
  facts: FactTable,
  feeds: Feeds,
  { layer, output }: LatencySlot,
): LayerWindow | null {
  const node = model.graph.value(output)?.producer;
  if (!node) return null;
  const made = model.graph.nodes.flatMap(({ outputs }) => outputs);
  return {
    key: textHash(`model ${signatureText(model, node)}`),
    ...{ model, feeds, output, layer },
    shortcut: shortcutOf(node) !== null,
    bytes: made.reduce((sum, value) => sum + (value ? bytesOf(value, facts) : 0), 0),
    isModel: true,
  };
}

/**
 * What a window returns: values that nothing in it reads, and those that nodes outside read too where that may keep
 * the runtime from fusing a reader inside.
 */
function isEnd(value: Value, chosen: ReadonlySet<Node>): boolean {
  const inside = value.uses.filter(({ node }) => chosen.has(node));
  if (inside.length === 0) return value.uses.length > 0 || value.isGraphOutput;
  const elsewhere = inside.length < value.uses.length || value.isGraphOutput;
  return elsewhere && inside.some(({ node }) => !isLayer(node));
}

function typeOf(value: Value, facts: FactTable): TensorType | null {
  const { dtype, shape } = facts.of(value);
  if (!dtype || !shape) return null;
  const known = shape.every((dim) => typeof dim === "number" && dim > 0);
  return known ? { dtype, shape } : null;
}

/** Activations of ordinary size. */
function noise({ dtype, shape }: TensorType): Tensor {
  const dims = shape as readonly number[];
  return Tensor.floats(dtype, dims, tiledNoise(elementCount(dims), 1.7));
}

function bytesOf(value: Value, facts: FactTable): number {
  const shape = facts.of(value).shape ?? [];
  return shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 4);
}
