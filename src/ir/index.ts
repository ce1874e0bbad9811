export * from "./attribute.js";
export * from "./builder.js";
export * from "./clone.js";
export * from "./dtype.js";
export * from "./errors.js";
export { ioError, type FileFault } from "./io-error.js";
export { extract, type Cut } from "./extract.js";
export {
  Graph,
  Node,
  Value,
  allNodes,
  isWithin,
  outerReads,
  type Dim,
  type NodeSpec,
  type TensorType,
  type Use,
} from "./graph.js";
export * from "./model.js";
export { encodeNarrowFloat, narrowFloatTable, roundHalfEven, type NarrowOptions } from "./narrow-floats.js";
export { removeDead } from "./dead.js";
export { sortTopologically } from "./order.js";
export { Patch, describe, type AppliedPatch, type OpOptions, type PlannedNode } from "./patch.js";
export * from "./print.js";
export { sampleAxis, type SampleAxis } from "./sample-axis.js";
export * from "./tensor.js";
export * from "./verify.js";
