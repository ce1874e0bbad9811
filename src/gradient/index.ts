export { differentiate, oldestOpset, type DifferentiateOptions } from "./differentiate.js";
export type { PartFacts } from "./rule.js";
export { gradientRules } from "./rules.js";
