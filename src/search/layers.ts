import { attr, cloneModel, Patch, Tensor, type AttributeInput, type Model, type Node } from "../ir/index.js";
import { isLayer, isLayerOp, readLayer, type ConvLayer } from "../forms/index.js";
import { matchesGlob } from "../engine/index.js";
import type { FactTable } from "../measure/index.js";

/** A layer that the search may change, as it stands in the working model: weight and bias are initializers of its own. */
export interface LayerSlot {
  readonly index: number;
  readonly layer: ConvLayer;
  /** Names of values in the working model. */
  readonly input: string;
  readonly output: string;
  readonly weight: string;
  readonly bias: string;
  /** Shape of the weight tensor in the working model. */
  readonly weightDims: readonly number[];
  /** The other operand when the layer's output goes into an Add only: a shortcut whose error the layer can take on. */
  readonly shortcut: string | null;
}

/** A layer that stays as it is, and why. */
export interface DeclinedLayer {
  readonly name: string;
  readonly op: string;
  readonly reason: string;
}

export interface Scope {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly revert?: readonly string[];
}

/** The model that the search computes with, its layers in topological order, and the layers left out. */
export interface WorkingModel {
  readonly model: Model;
  readonly slots: readonly LayerSlot[];
  readonly declined: readonly DeclinedLayer[];
}

/**
 * A copy of the model in which every layer within the scope has a weight and a bias of its own (shared ones are copied,
 * a missing bias is zero, a Gemm's factors are folded in), so that a candidate is nothing but other numbers in the same place.
 */
export function workingModel(original: Model, facts: FactTable, scope: Scope = {}): WorkingModel {
  const model = cloneModel(original);
  const declined: DeclinedLayer[] = [];
  const slots: LayerSlot[] = [];
  for (const node of original.graph.nodes.filter(isLayerOp)) {
    const reason = outOfScope(node.label, scope);
    const layer = reason === null ? readLayer(node, facts) : { declined: reason };
    if (!isLayer(layer)) {
      declined.push({ name: node.label, op: node.op, reason: layer.declined });
      continue;
    }
    slots.push(ownWeights(model, twin(model, node), layer, slots.length));
  }
  return { model, slots, declined };
}

/** Why a layer of this name is left alone; null where it isn't. */
export function outOfScope(name: string, { only, skip, revert }: Scope): string | null {
  if (only && only.length > 0 && !matchesGlob(name, only)) return "left out by --only";
  if (skip && matchesGlob(name, skip)) return "left out by --skip";
  return revert && matchesGlob(name, revert) ? "kept by --revert" : null;
}

/** The node of the copy that makes the value of the same name. */
function twin(model: Model, node: Node): Node {
  return model.graph.value(node.output.name)!.producer!;
}

function ownWeights(model: Model, node: Node, layer: ConvLayer, index: number): LayerSlot {
  const { spec } = layer;
  const patch = new Patch(model.graph, node);
  const weightDims = [spec.outChannels, spec.inChannels / spec.group, ...spec.kernel];
  const weight = patch.constant("search.weight", Tensor.floats(layer.dtype, weightDims, layer.weight));
  const bias = patch.constant("search.bias", Tensor.floats(layer.dtype, [spec.outChannels], layer.bias));
  const inputs = [node.input(0), weight, bias];
  const attrs: Record<string, AttributeInput> =
    layer.op === "Gemm"
      ? { transB: 1 }
      : { ...Object.fromEntries(node.attributes), group: spec.group, kernel_shape: attr.ints(spec.kernel) };
  const output = patch.op(layer.op, inputs, attrs);
  patch.replace(node.output, output);
  patch.apply();
  const made = weight.uses[0]!.node;
  return {
    index,
    layer,
    input: made.input(0)!.name,
    output: made.output.name,
    weight: weight.name,
    bias: bias.name,
    weightDims,
    shortcut: shortcutOf(made),
  };
}

function shortcutOf(node: Node): string | null {
  const { uses, isGraphOutput } = node.output;
  const reader = uses.length === 1 && !isGraphOutput ? uses[0]!.node : null;
  if (!reader?.is("Add")) return null;
  const other = reader.inputs.find((input) => input !== node.output);
  return other && !other.constant ? other.name : null;
}
