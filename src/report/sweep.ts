import { z } from "zod";
import { reportSchema } from "./schema.js";

/* The accuracy/cost frontier of a model: what `sweep` found, one row per model that it wrote. */

const file = z.object({ path: z.string(), sha256: z.string() });
const { macs, params, quality, calibration } = reportSchema.shape;

export const sweepPointSchema = z.object({
  /** The fraction of the MACs that was asked for. */
  keepMacs: z.number(),
  /** The one family that was allowed; null where all were. */
  family: z.string().nullable(),
  output: file,
  macs,
  params,
  bytes: z.number().int().nonnegative().nullable(),
  quality,
  /** Whether no more than `keepMacs` remains. */
  met: z.boolean(),
  /** No other point of the sweep is at least as good in MACs and in divergence, and better in one. */
  paretoOptimal: z.boolean(),
});

export const sweepSchema = z.object({
  schema: z.literal("convopt.sweep/1"),
  input: file,
  folder: z.string(),
  calibration,
  /** What divergence is: KL(original ‖ result) of class scores in nats, else the relative L2 error. */
  divergence: z.enum(["klDivergence", "relativeError"]),
  /** Costs of the original; MACs per sample. */
  original: z.object({
    macs: z.number().nullable(),
    params: z.number(),
    bytes: z.number().int().nonnegative().nullable(),
  }),
  /** All families together first, then one family at a time; each from the dearest to the cheapest. */
  points: z.array(sweepPointSchema),
  totalMs: z.number(),
  peakRssBytes: z.number().int().nonnegative().nullable(),
  warnings: z.array(z.string()),
  tool: reportSchema.shape.tool,
});

export type Sweep = z.infer<typeof sweepSchema>;
export type SweepPoint = z.infer<typeof sweepPointSchema>;

/** How far a point's answers are from the original's, in the sweep's measure; null when it was not measured. */
export function divergenceOf(
  { quality }: Pick<SweepPoint, "quality">,
  measure: Sweep["divergence"],
): number | null {
  return quality[measure];
}

/** Marks the points that no other one beats in MACs kept and divergence. Points that were not measured are never optimal. */
export function markParetoOptimal<T extends Pick<SweepPoint, "macs" | "quality">>(
  points: readonly T[],
  measure: Sweep["divergence"],
): (T & { paretoOptimal: boolean })[] {
  const figures = points.map(({ macs: { after }, quality: own }) => ({ cost: after, loss: own[measure] }));
  return points.map((point, i) => {
    const { cost, loss } = figures[i]!;
    if (cost === null || loss === null) return { ...point, paretoOptimal: false };
    const beaten = figures.some(
      (other) =>
        other.cost !== null &&
        other.loss !== null &&
        other.cost <= cost &&
        other.loss <= loss &&
        (other.cost < cost || other.loss < loss),
    );
    return { ...point, paretoOptimal: !beaten };
  });
}
