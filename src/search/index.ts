export { reasonFor, type CostLimits } from "./allocation.js";
export {
  answersOf,
  batchesOf,
  distance,
  outputKinds,
  type Answers,
  type Distance,
  type OutputKind,
} from "./answers.js";
export { applyLayers } from "./apply.js";
export { proposalsFor, type Candidate, type LayerCandidates, type Proposal } from "./candidates.js";
export { runFitJob, type FitJob, type FitThreads } from "./fit-job.js";
export { predictedFrontier, predictedLoss } from "./frontier.js";
export type { Journal, JournalValue } from "./journal.js";
export { outOfScope, type DeclinedLayer, type LayerSlot, type Scope } from "./layers.js";
export type { FittedLayer } from "./refit.js";
export { efforts, type SearchEffort } from "./efforts.js";
export { Search, type Draft, type Solution } from "./search.js";
export { lossAt } from "./sensitivity.js";
export { channelBlock, type SearchLatency } from "./timing.js";
