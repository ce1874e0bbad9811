import { attributeInputRules } from "./attribute-inputs.js";
import type { Call, Rule, Workshop } from "./call.js";
import { elementwiseRules } from "./elementwise.js";
import { normalizationRules } from "./normalization.js";
import { resamplingRules } from "./resampling.js";
import { retiredRules } from "./retired.js";
import { structureRules } from "./structure.js";

/** Every change of an operator between two versions that is more than new types or new options, oldest first. */
export const rules: readonly Rule[] = [
  ...elementwiseRules,
  ...attributeInputRules,
  ...normalizationRules,
  ...resamplingRules,
  ...retiredRules,
  ...structureRules,
].sort((a, b) => a.since - b.since);

/** Brings a call from one operator set to another, one rule after the other. */
export function applyRules(call: Call, from: number, to: number, workshop: Workshop): Call {
  let current = call;
  for (const { ops, since, apply } of rules) {
    if (since > from && since <= to && ops.includes(current.op)) current = apply(current, workshop);
  }
  return current;
}
