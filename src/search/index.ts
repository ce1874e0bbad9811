export type { CostLimits } from "./allocation.js";
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
export type { Candidate, LayerCandidates } from "./candidates.js";
export type { Journal, JournalValue } from "./journal.js";
export type { DeclinedLayer, LayerSlot, Scope } from "./layers.js";
export type { FittedLayer } from "./refit.js";
export { efforts, Search, type SearchEffort, type SearchOptions, type Solution } from "./search.js";
export { lossAt } from "./sensitivity.js";
