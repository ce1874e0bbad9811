export { chainOf, outputSize, patchWidth, tapCount, tapOffsets, weightSize, type Link } from "./chain.js";
export { channelEnergy, coCluster, type Grouping } from "./co-cluster.js";
export { ChainSum, compose } from "./compose.js";
export { SampledCovariance, WholeCovariance, type Covariance } from "./covariance.js";
export { convMacs, formCost, isPointwise, type FormCost } from "./cost.js";
export { fitForm, formError, solveMixers, standardForm, type Fit, type FitStart } from "./fit.js";
export * from "./form.js";
export { splitGroups, type ConvLayer } from "./layer.js";
export {
  lowerForm,
  replaceByProgram,
  replaceLayer,
  shortcutOf,
  stackGroups,
  type LowerOptions,
} from "./lower.js";
export * from "./lowering.js";
export { lowerings, type LoweredProgram, type LoweringScope } from "./lowerings.js";
export {
  chainsOf,
  convKey,
  plannedChains,
  programCost,
  programKey,
  programOf,
  stepShapes,
  type Chains,
  type Operand,
  type Program,
  type Step,
} from "./program.js";
export * from "./members.js";
export { describeForm, formPlan, type StartWeights } from "./plan.js";
export { isLayer, isLayerOp, readLayer, type LayerFacts, type NotALayer } from "./read.js";
export * from "./sizes.js";
export { FitTarget, type Products } from "./target.js";
