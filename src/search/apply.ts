import type { Tensor } from "../ir/index.js";
import { attr, Patch, verify, type AttributeInput, type Model, type Node } from "../ir/index.js";
import { replaceLayer, stackGroups } from "../forms/index.js";
import type { FittedLayer } from "./refit.js";

/**
 * Puts fitted layers into a model, in place: forms are lowered to nodes, refitted kernels replace the old ones. `onForm`
 * is called after each form.
 */
export function applyLayers(
  model: Model,
  fitted: readonly FittedLayer[],
  onForm?: (layer: FittedLayer) => void,
): void {
  for (const layer of fitted) {
    const node = model.graph.value(layer.slot.output)?.producer;
    if (!node) continue;
    if (layer.candidate.plan) {
      applyForm(model, node, layer);
      onForm?.(layer);
    } else if (isRefitted(layer)) applyKernel(model, node, layer);
  }
  verify(model.graph);
}

function applyForm(model: Model, node: Node, { candidate, slot, bias }: FittedLayer): void {
  const patch = new Patch(model.graph, node, candidate.family);
  const form = stackGroups(candidate.forms);
  replaceLayer(patch, node, form, slot.layer, bias, candidate.latency?.lowering ?? undefined);
  patch.apply();
}

function isRefitted({ slot, weights }: FittedLayer): boolean {
  const { layer } = slot;
  const same = (tensor: Tensor, values: Float64Array): boolean =>
    tensor.numbers.every((x, i) => x === Math.fround(values[i]!));
  return !same(weights.weight, layer.weight) || !same(weights.bias, layer.bias);
}

function applyKernel(model: Model, node: Node, { slot, weights }: FittedLayer): void {
  const patch = new Patch(model.graph, node, "refit");
  const { layer } = slot;
  const inputs = [
    node.input(0),
    patch.constant("weight", weights.weight),
    patch.constant("bias", weights.bias),
  ];
  const attrs: Record<string, AttributeInput> =
    layer.op === "Gemm"
      ? { transB: 1 }
      : { ...Object.fromEntries(node.attributes), kernel_shape: attr.ints(layer.spec.kernel) };
  patch.replace(node.output, patch.op(layer.op, inputs, attrs));
  patch.apply();
}
