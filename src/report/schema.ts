import { z } from "zod";
import { frontierSchema, layerMillisecondsSchema, networkSchema, pictureSchema } from "./details.js";
import { decisionSchema } from "./explanation.js";
import { errorProfileSchema } from "./verification.js";

/*
 * The machine-readable report: the one truth that JSON, Markdown and HTML are made from. Not measured is null,
 * never 0 or absent.
 */

const count = z.number().int().nonnegative();
const ratio = z.number().nonnegative().nullable();
const measured = z.number().nullable();

const beforeAfter = z.object({ before: z.number().nullable(), after: z.number().nullable(), ratio });

const file = z.object({ path: z.string(), sha256: z.string() });

const branch = z.object({ form: z.string(), size: z.record(z.string(), z.number()) });

export const layerSchema = z.object({
  name: z.string(),
  op: z.string(),
  /** Weight shape, "64x64x3x3". */
  shape: z.string(),
  macs: z.tuple([z.number().nullable(), z.number().nullable()]),
  params: z.tuple([count, count]),
  /** Milliseconds before and after, as the latency model predicts them. */
  ms: z.tuple([measured, measured]),
  /** 95 % interval of those after, where a form was timed for it. */
  msInterval: z.tuple([z.number(), z.number()]).optional(),
  form: z.string(),
  plan: z.object({ branches: z.array(branch) }),
  error: measured,
  verdict: z.enum(["applied", "declined"]),
  by: z.enum(["rule", "cost", "error", "budget", "user"]),
  reason: z.string(),
  candidates: count,
});

export const reportSchema = z.object({
  schema: z.literal("convopt.report/1"),
  input: file,
  output: file,
  budget: z.object({
    keepMacs: z.number().optional(),
    keepParams: z.number().optional(),
    keepLatency: z.number().optional(),
    maxError: z.number().optional(),
    minAgreement: z.number().optional(),
    lossless: z.boolean().optional(),
  }),
  calibration: z.object({
    given: count,
    fitted: count,
    selected: count,
    judged: count,
    seed: z.number().int(),
    labels: z.boolean(),
    fineTuned: z.boolean(),
  }),
  macs: beforeAfter,
  params: beforeAfter,
  bytes: z.object({ before: count.nullable(), after: count.nullable() }),
  latencyMs: z.object({
    before: measured,
    after: measured,
    ratio,
    /** 95 % of the ratio, from several measurements under a latency budget; null where it was predicted or not asked for. */
    ratioInterval: z.tuple([z.number(), z.number()]).nullable(),
    threads: count.nullable(),
    runs: count.nullable(),
    engine: z.string().nullable(),
  }),
  quality: z.object({
    relativeError: measured,
    agreement: measured,
    agreementInterval: z.tuple([z.number(), z.number()]).nullable(),
    klDivergence: measured,
    noiseFloor: measured,
    /** Null, with all the rest, where nothing could run the original. */
    images: count.nullable(),
    engine: z.string().nullable(),
  }),
  verdicts: z.array(
    z.object({ budget: z.string(), limit: z.number(), measured, met: z.boolean(), message: z.string() }),
  ),
  layers: z.array(layerSchema),
  passes: z.array(z.object({ name: z.string(), applied: count, declined: count, ms: z.number() })),
  timings: z.object({
    totalMs: z.number(),
    calibrateMs: measured,
    searchMs: measured,
    refitMs: measured,
    recoverMs: measured,
    verifyMs: measured,
  }),
  peakRssBytes: count.nullable(),
  warnings: z.array(z.string()),
  /** Every decision of the run, in order; in report files, for `explain`. */
  decisions: z.array(decisionSchema).optional(),
  /**
   * In report files: the search's predictions for all budgets, measured milliseconds, the original's structure, errors
   * along its depth, judged images of image-to-image models.
   */
  frontier: frontierSchema.optional(),
  milliseconds: layerMillisecondsSchema.optional(),
  network: networkSchema.optional(),
  profile: errorProfileSchema.optional(),
  pictures: z.array(pictureSchema).optional(),
  tool: z.object({
    name: z.literal("convopt"),
    version: z.string(),
    runtime: z.string().nullable(),
    command: z.string(),
  }),
});

export type Report = z.infer<typeof reportSchema>;
export type LayerReport = z.infer<typeof layerSchema>;
