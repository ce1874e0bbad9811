import { UsageError } from "../ir/index.js";
import type { OutputComparison, Verification } from "../report/index.js";
import { sampleMultiple } from "./exact-comparison.js";
import type { NoiseFloor } from "./noise-floor.js";

type Limits = Verification["limits"];

/** The limits that a user set, none of them by default. */
export interface UserLimits {
  /** Of the relative L2 error of the worst output. */
  readonly maxError?: number;
  /** Least top-1 agreement of the first output that has classes. */
  readonly minAgreement?: number;
}

/** Without limits of the user's, the error may be this many times the original's own noise floor … */
export const noiseMultiple = 10;
/** … and at least this much: a floor of zero would call every rounding a failure. */
export const leastLimit = 1e-6;

export function hasUserLimits({ maxError, minAgreement }: UserLimits): boolean {
  return maxError !== undefined || minAgreement !== undefined;
}

/** The user's limit of the relative error, else a multiple of the noise floor. */
export function errorLimit(floor: NoiseFloor, { maxError }: UserLimits): number {
  return maxError ?? Math.max(leastLimit, noiseMultiple * (floor.value ?? 0));
}

/** Every limit with what was measured; throws a UsageError for an agreement of models without classes. */
export function judgeLimits(
  differences: readonly string[],
  outputs: readonly OutputComparison[],
  floor: NoiseFloor,
  user: UserLimits,
): Limits {
  const limits: Limits = [
    {
      name: "interface",
      limit: 0,
      measured: differences.length,
      met: differences.length === 0,
      message: "names, types, shapes and order of inputs and outputs",
    },
  ];
  if (outputs.length === 0) return limits;
  const different = outputs.reduce((sum, output) => sum + output.nonFinite.different, 0);
  limits.push({
    name: "nonFinite",
    limit: 0,
    measured: different,
    met: different === 0,
    message: "NaN and infinities are where the first model has them",
  });
  if (user.maxError !== undefined || user.minAgreement === undefined) {
    const limit = errorLimit(floor, user);
    const worst = Math.max(...outputs.map((output) => output.relativeError ?? Infinity));
    limits.push({
      name: "maxError",
      limit,
      measured: Number.isFinite(worst) ? worst : null,
      met: worst <= limit,
      message: `relative error of the worst output${user.maxError === undefined ? sourceOf(floor) : ""}`,
    });
  }
  if (user.minAgreement !== undefined) limits.push(agreementLimit(outputs, user.minAgreement));
  return limits;
}

function sourceOf(floor: NoiseFloor): string {
  return floor.value === null
    ? " (no noise floor could be measured)"
    : ` (${noiseMultiple} × the noise floor, at least ${leastLimit})`;
}

function agreementLimit(outputs: readonly OutputComparison[], limit: number): Limits[number] {
  const agreement = outputs.find((output) => output.top1 !== null)?.top1;
  if (!agreement) {
    throw new UsageError(
      "E_NO_CLASSES",
      "top-1 agreement needs an output of shape N×C or N×C×1×1, and the models have none",
      { hint: "use --max-error" },
    );
  }
  return {
    name: "minAgreement",
    limit,
    measured: agreement.share,
    met: agreement.share >= limit,
    message: "top-1 agreement with the first model",
  };
}

/** The output that is furthest over its limit in float64, over all samples or in its worst one. */
export function exactLimit(exact: NonNullable<Verification["exact"]>): Limits[number] {
  const measured = exact.outputs.flatMap(({ name, relativeError, worstSample, limit }) => [
    { name, error: relativeError, limit, what: "" },
    { name, error: worstSample, limit: sampleMultiple * limit, what: " of the worst sample" },
  ]);
  const over = ({ error, limit }: (typeof measured)[number]): number => (error ?? Infinity) / limit;
  const worst = measured.reduce((left, right) => (over(right) > over(left) ? right : left));
  return {
    name: "exactError",
    limit: worst.limit,
    measured: worst.error,
    met: over(worst) <= 1,
    message: `relative error${worst.what} of output ${JSON.stringify(worst.name)} in float64 (its noise floor)`,
  };
}
