import { activationRules } from "./activation.js";
import { arithmeticRules } from "./arithmetic.js";
import { convRules } from "./conv.js";
import { matrixRules } from "./matrix.js";
import { movementRules } from "./movement.js";
import { normalizationRules } from "./normalization.js";
import { poolingRules } from "./pooling.js";
import { reductionRules } from "./reduction.js";
import type { GradientRules } from "./rule.js";

/** Every operator that can be differentiated. */
export const gradientRules: GradientRules = {
  ...activationRules,
  ...arithmeticRules,
  ...convRules,
  ...matrixRules,
  ...movementRules,
  ...normalizationRules,
  ...poolingRules,
  ...reductionRules,
};
