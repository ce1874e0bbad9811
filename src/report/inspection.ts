import { z } from "zod";

/* What `inspect` finds out about a model; the schema of its JSON. Not known is null. */

const count = z.number().int().nonnegative();
const dim = z.union([z.number(), z.string(), z.null()]);

const valueSchema = z.object({
  name: z.string(),
  dtype: z.string().nullable(),
  shape: z.array(dim).nullable(),
});

/** What a rewrite or a family says of a layer. */
export const rewriteOpinionSchema = z.object({
  pass: z.string(),
  /** "applies": an exact rewrite would change the layer; "candidates": a family proposes forms; "declines". */
  verdict: z.enum(["applies", "candidates", "declines"]),
  reason: z.string(),
  /** Number of proposed forms and the MACs of the cheapest and dearest that are below the layer's, per sample. */
  candidates: z.object({ count, macs: z.tuple([z.number(), z.number()]).nullable() }).nullable(),
});

export const inspectedLayerSchema = z.object({
  name: z.string(),
  op: z.string(),
  /** Weight shape, "64x64x3x3"; null when the weight is not constant. */
  shape: z.string().nullable(),
  dtype: z.string().nullable(),
  group: count.nullable(),
  strides: z.array(z.number()).nullable(),
  dilations: z.array(z.number()).nullable(),
  pads: z.array(z.number()).nullable(),
  inputShape: z.array(dim).nullable(),
  outputShape: z.array(dim).nullable(),
  /** Multiply–accumulates of one sample. */
  macs: z.number().nullable(),
  /** Multiply–accumulates per element of the input's symbolic spatial axes, where `macs` is null. */
  macsPerPixel: z.number().nullable(),
  params: count,
  rewrites: z.array(rewriteOpinionSchema),
});

export const inspectionSchema = z.object({
  schema: z.literal("convopt.inspect/1"),
  input: z.object({ path: z.string(), sha256: z.string() }),
  irVersion: z.number(),
  opsets: z.array(z.object({ domain: z.string(), version: z.number() })),
  inputs: z.array(valueSchema),
  outputs: z.array(valueSchema),
  /** Multiply–accumulates of Conv, ConvTranspose, Gemm and MatMul for one sample. */
  macs: z.number().nullable(),
  macsPerPixel: z.number().nullable(),
  params: count,
  bytes: count.nullable(),
  nodes: count,
  functions: count,
  operators: z.array(z.object({ op: z.string(), count })),
  /** What the MACs were counted at: "file", "option" (--shape), "data", "batch 1" or "per input pixel". */
  countedAt: z.string(),
  layers: z.array(inspectedLayerSchema),
  warnings: z.array(z.string()),
});

export type Inspection = z.infer<typeof inspectionSchema>;
export type InspectedLayer = z.infer<typeof inspectedLayerSchema>;
export type RewriteOpinion = z.infer<typeof rewriteOpinionSchema>;
