import { z } from "zod";

/* What `bench` measured; the schema of its JSON. Not measured is null. Times are milliseconds. */

const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();
const interval = z.tuple([z.number(), z.number()]);

/** The runtime's work for one or several nodes of the model. */
export const layerTimeSchema = z.object({
  /** Node that the work belongs to; null for what the runtime put in itself, e.g. conversions of the layout. */
  layer: z.string().nullable(),
  /** Operator and name of the kernel in the runtime. */
  op: z.string(),
  kernel: z.string(),
  /** All nodes of the model that the kernel computes. */
  nodes: z.array(z.string()),
  /** Median of the profiled runs. */
  ms,
});

export const modelTimeSchema = z.object({
  path: z.string(),
  sha256: z.string(),
  /** Counted runs. */
  runs: count,
  ms: z.object({
    median: ms,
    /** First and third quartile. */
    quartiles: interval,
    /** 95 % interval of the median, from order statistics. */
    interval,
    least: ms,
  }),
  /** Median over the rounds of this model's time divided by the first model's in the same round, with its 95 % interval. */
  ratio: z.object({ median: z.number(), interval }),
  /** Runs more than three interquartile ranges above the third quartile. */
  outliers: count,
  /** Kernels in the order in which they run, from profiled runs of their own; null without `--layers`. */
  layers: z.array(layerTimeSchema).nullable(),
});

export const benchmarkSchema = z.object({
  schema: z.literal("convopt.bench/1"),
  engine: z.string(),
  /** Intra-op threads; 0 is the runtime's own choice. */
  threads: count,
  machine: z.object({ cpu: z.string(), cores: count, platform: z.string() }),
  /** Shapes of what was fed, and where it came from: a path or "noise". */
  inputs: z.object({ source: z.string(), shapes: z.record(z.string(), z.array(count)) }),
  rounds: count,
  seed: z.number(),
  models: z.array(modelTimeSchema),
  warnings: z.array(z.string()),
});

export type Benchmark = z.infer<typeof benchmarkSchema>;
export type ModelTime = z.infer<typeof modelTimeSchema>;
export type LayerTime = z.infer<typeof layerTimeSchema>;
