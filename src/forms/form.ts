import type { Matrix } from "../linalg/index.js";
import type { Covariance } from "./covariance.js";
import type { FitTarget } from "./target.js";

/**
 * Geometry of one convolution: the one source for shapes, MACs and the reference result.
 * `kernel`, `strides`, `dilations` have one entry per spatial axis (none for a Gemm seen as a pointwise conv);
 * `pads` holds all begins, then all ends, as in ONNX, with auto_pad already resolved.
 */
export interface ConvSpec {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly group: number;
}

/**
 * One conv of a chain. `weight` is row-major outChannels × inChannels/group × kernel…, in float64. `taps` are the
 * layer's own spatial axes whose taps, stride, dilation and pads this stage owns: every axis has one owner in a chain.
 */
export interface Stage {
  readonly spec: ConvSpec;
  readonly taps: readonly number[];
  readonly weight: Float64Array;
}

/** A stage before it has weights. */
export type StagePlan = Omit<Stage, "weight">;

/** The field's terms for the members of the lattice (AlexNet, ResNeXt, MobileNet, Jaderberg, Tucker-2, CP …). */
export const formNames = [
  "standard",
  "grouped",
  "grouped-pointwise",
  "pointwise-grouped",
  "depthwise-separable",
  "pointwise-depthwise",
  "spatially-separable",
  "bottleneck",
  "reduce-in",
  "reduce-out",
  "low-rank-pointwise",
  "inverted-bottleneck",
  "sum",
] as const;
export type FormName = (typeof formNames)[number];

/** Sizes of a form by name: rank, r1, r2, groups, terms … */
export type FormSize = Readonly<Record<string, number>>;

/** A named member of a sum: what reports print of a form. */
export interface FormTerm {
  readonly form: FormName;
  readonly size: FormSize;
}

/**
 * What a standard conv becomes: a sum of branches, each a chain of convs, one bias after the sum, optional channel
 * orders before and after. Input channel `i` of the chains is channel `inputOrder[i]` of the layer's input; output
 * channel `o` of the layer is channel `outputOrder[o]` of the sum.
 */
export interface Form {
  readonly name: FormName;
  readonly size: FormSize;
  readonly terms: readonly FormTerm[];
  readonly branches: readonly (readonly Stage[])[];
  readonly inputOrder?: Int32Array;
  readonly outputOrder?: Int32Array;
}

/**
 * What a fit aims at: the kernel to match (outChannels × inChannels·taps) in the metric of the inputs the layer will
 * really see. Columns run over input channels first, then taps, as the kernel's do. `covariance` null means the
 * identity: data-free.
 */
export interface Target {
  readonly kernel: Matrix;
  readonly covariance: Covariance | null;
}

/** A member of a family before it has weights: enough to cost it. */
export interface FormPlan {
  readonly name: FormName;
  readonly size: FormSize;
  readonly terms: readonly FormTerm[];
  readonly branches: readonly (readonly StagePlan[])[];
  /** True when its forms have channel orders, which are nodes of their own when lowered. */
  readonly ordered?: boolean;
  /** Starting weights in closed form: the SVD of the proper unfolding, in the target's metric where there is one. */
  start(target: FitTarget): Form;
}
