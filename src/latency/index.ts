export { fitConstants, usualConstants, type Constants } from "./roofline.js";
export {
  compiled,
  atBest,
  interleave,
  undisturbed,
  type InterleaveOptions,
  type Series,
  type Subject,
} from "./interleave.js";
export { kernelRows, standsFor, togetherMs, type KernelRow } from "./kernels.js";
export { profileKernels } from "./profile-kernels.js";
export {
  createLatencyModel,
  LayerWindows,
  type CostOptions,
  type LatencyModel,
  type PlanLatency,
} from "./latency-model.js";
export { MeasuredSource, type MeasureOptions, type OpenTimed } from "./measured.js";
export { namedCopy } from "./named-copy.js";
export { shrunkTimings } from "./shrink.js";
export { memoryStore, type Baseline, type LatencySource, type LatencyStore, type Timing } from "./source.js";
export {
  differenceSpread,
  median,
  quickLevel,
  quickMean,
  quietLevel,
  meanInterval,
  ratioSpread,
  spreadOf,
  type Interval,
  type Spread,
} from "./statistics.js";
export { onThreads, threadingOf, type Threading } from "./threading.js";
export { layerWindow, type LatencySlot, type LayerWindow } from "./window.js";
export {
  EstimatedSource,
  latencyProfileJsonSchema,
  latencyProfileSchema,
  parseProfile,
  ProfileRecorder,
  type EstimateOptions,
  type LatencyProfile,
} from "./profile.js";
