import { z } from "zod";
import { checkPass } from "../engine/index.js";
import { UsageError } from "../ir/index.js";
import { efforts } from "../search/index.js";
import type { Budget, OptimizeOptions } from "./options.js";
import type { SweepOptions } from "./sweep.js";
import { didYouMean } from "./suggest.js";

const fraction = z.number().gt(0).lte(1);
const whole = z.number().int().nonnegative();
const texts = z.array(z.string());
const callback = z.custom<unknown>((value) => typeof value === "function", "it has to be a function");
const anObject = z.custom<unknown>((value) => typeof value === "object" && value !== null);
const shapes = z.map(z.string(), z.array(whole));

const budget = z.strictObject({
  keepMacs: fraction.optional(),
  keepParams: fraction.optional(),
  keepLatency: fraction.optional(),
  maxError: z.number().nonnegative().optional(),
  minAgreement: z.number().min(0).max(1).optional(),
  lossless: z.boolean().optional(),
} satisfies Record<keyof Budget, z.ZodType>);

const fields = {
  budget: budget.optional(),
  calibration: z.union([anObject, callback]).nullish(),
  calibrationPath: z.string().optional(),
  passes: z.array(anObject).optional(),
  shapes: shapes.optional(),
  families: texts.optional(),
  only: texts.optional(),
  skip: texts.optional(),
  revert: texts.optional(),
  latencyProfile: anObject.optional(),
  effort: z.enum(Object.keys(efforts) as [string, ...string[]]).optional(),
  executor: z.enum(["auto", "inline", "threads"]).optional(),
  deterministic: z.boolean().optional(),
  journal: z.string().nullish(),
  keepJournal: z.boolean().optional(),
  resume: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  stopAfter: whole.optional(),
  printAfter: z.string().optional(),
  onPrint: callback.optional(),
  upgradeOpset: whole.optional(),
  allowExternal: texts.optional(),
  command: z.string().optional(),
  engine: z.enum(["auto", "ort", "reference"]).optional(),
  threads: whole.optional(),
  seed: whole.optional(),
  onProgress: callback.optional(),
  onWarning: callback.optional(),
  signal: anObject.optional(),
} satisfies Record<keyof OptimizeOptions, z.ZodType>;

const optimizeOptions = z.strictObject(fields);
const sweepOptions = z.strictObject({
  ...fields,
  points: z.array(z.number()).optional(),
  singleForms: z.boolean().optional(),
} satisfies Record<keyof SweepOptions, z.ZodType>);

/**
 * Refuses options that nobody knows and values that mean nothing: types are checked where TypeScript is, and a budget
 * that is silently not kept is worse than an error. Throws a UsageError that names the option.
 */
export function checkOptimizeOptions(options: OptimizeOptions): void {
  check(optimizeOptions, options);
}

export function checkSweepOptions(options: SweepOptions): void {
  check(sweepOptions, options);
}

function check(schema: typeof optimizeOptions, options: OptimizeOptions): void {
  const issue = schema.safeParse(options).error?.issues[0];
  if (issue) throw refused(issue);
  for (const pass of options.passes ?? []) checkPass(pass);
}

function refused(issue: z.core.$ZodIssue): UsageError {
  const within = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const known = Object.keys(within === "budget" ? budget.shape : fields);
    return new UsageError(
      "E_OPTION",
      `there is no option ${JSON.stringify(within ? `${within}.${key}` : key)}`,
      {
        hint: didYouMean(key, known) ?? `the options are ${known.join(", ")}`,
      },
    );
  }
  return new UsageError("E_OPTION", `the option ${JSON.stringify(within)} has a wrong value`, {
    hint: issue.message.charAt(0).toLowerCase() + issue.message.slice(1),
  });
}
