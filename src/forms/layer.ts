import type { DType } from "../ir/index.js";
import type { ConvSpec } from "./form.js";

/**
 * One convolution (or Gemm, as a conv without spatial axes) as the families see it: numbers only, no graph.
 * `weight` is row-major outChannels × inChannels/group × kernel…, in float64; `bias` has outChannels entries.
 */
export interface ConvLayer {
  readonly name: string;
  readonly op: "Conv" | "Gemm";
  readonly spec: ConvSpec;
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  /** Element type in the file, which the factors are written as. */
  readonly dtype: DType;
  /** Spatial sizes of input and output for one sample. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** MACs of the layer as it stands, per sample. */
  readonly macs: number;
}

/**
 * The layer's groups, each as a layer without groups: what families see. One entry for an ungrouped layer. A form of
 * every group with one geometry is stacked back into grouped stages by {@link stackGroups}.
 */
export function splitGroups(layer: ConvLayer): readonly ConvLayer[] {
  const { group } = layer.spec;
  if (group === 1) return [layer];
  const spec: ConvSpec = {
    ...layer.spec,
    inChannels: layer.spec.inChannels / group,
    outChannels: layer.spec.outChannels / group,
    group: 1,
  };
  const size = layer.weight.length / group;
  return Array.from({ length: group }, (_, g) => ({
    ...layer,
    spec,
    weight: layer.weight.subarray(g * size, (g + 1) * size),
    bias: layer.bias.subarray(g * spec.outChannels, (g + 1) * spec.outChannels),
    macs: layer.macs / group,
  }));
}
