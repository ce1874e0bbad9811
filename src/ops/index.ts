export { attributesOf, versionAt } from "./attributes.js";
export { broadcastDims, broadcastShape } from "./broadcast.js";
export { entriesFact, entriesOf, mergeDims, productOf } from "./entries.js";
export { fact, factOfTensor, factOfType, unknownFact, type Fact } from "./fact.js";
export { newestOpset, opVersions, type OpAttributes, type OpVersions } from "./generated/attributes.js";
export {
  defineOp,
  type Content,
  type EvalCall,
  type InferCall,
  type OpCall,
  type OpDefinition,
  type OpName,
  type RuntimeValue,
} from "./op.js";
export { opDefinition, opDefinitions, type OpKey } from "./registry.js";
