export { modelCost, nodeMacs, type ModelCost, type NodeCost } from "./cost.js";
export { largestTensorBytes, type Precision } from "./evaluation.js";
export type { FactTable } from "./fact-table.js";
export { checkFeeds, requestedOutputs } from "./feeds.js";
export { inferFacts, inferNode, type InferOptions, type NodeSketch } from "./infer.js";
export { bindInputShapes, type InputShapes } from "./input-shapes.js";
export { interpret, prepareInterpreter, type Interpreter, type InterpretOptions } from "./interpreter.js";
export { perSample } from "./per-sample.js";
export {
  accuracy,
  classScores,
  hasClassScores,
  predictedClasses,
  softmaxKl,
  top1Agreement,
  topKAgreement,
  type Agreement,
  type DivergenceOptions,
} from "./classification.js";
export {
  addErrors,
  cosineOf,
  cosineSimilarity,
  maxAbsDifference,
  noErrors,
  psnr,
  psnrOf,
  relativeErrorOf,
  relativeL2,
  type ErrorSums,
} from "./compare.js";
export {
  compareOutput,
  type AgreementSummary,
  type OutputComparison,
  type OutputComparisonOptions,
  type OutputSummary,
} from "./output-comparison.js";
export {
  compareDetections,
  type BoxFormat,
  type DetectionComparison,
  type DetectionSummary,
} from "./detections.js";
export { mcnemar, wilsonInterval, type McNemar } from "./statistics.js";
