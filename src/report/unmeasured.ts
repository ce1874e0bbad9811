import type { Report } from "./schema.js";

/** Milliseconds that nobody measured. */
export const notTimed: Report["latencyMs"] = {
  before: null,
  after: null,
  ratio: null,
  ratioInterval: null,
  threads: null,
  runs: null,
  engine: null,
};

/** Quality without the original's answers. */
export const notJudged: Report["quality"] = {
  relativeError: null,
  agreement: null,
  agreementInterval: null,
  klDivergence: null,
  noiseFloor: null,
  images: null,
  engine: null,
};
