import { z } from "zod";

/* What report files hold besides the figures, to draw the network and its outputs. */

/**
 * The original network with only what shapes it: layers with weights, nodes where branches meet, inputs and outputs, in
 * topological order; `reads` are indices of nodes before.
 */
export const networkSchema = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      op: z.string(),
      kind: z.enum(["input", "layer", "join", "output"]),
      reads: z.array(z.number().int().nonnegative()),
    }),
  ),
});

const dataUri = z.string().regex(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/);

/** One judged image of an image-to-image model, as PNG files. */
export const pictureSchema = z.object({
  image: z.number().int().nonnegative(),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
  input: dataUri,
  before: dataUri,
  after: dataUri,
  difference: dataUri,
  /** How values of the outputs became brightness, and by how much the difference is amplified. */
  mapping: z.string(),
  amplified: z.number(),
  psnrDb: z.number().nullable(),
});

/**
 * What the search predicted for every budget of MACs: `kept` is the fraction of the original's MACs, losses are on the
 * selected images, as the sum over layers. One series per family alone, and one of them all (null).
 */
export const frontierSchema = z.object({
  measure: z.enum(["klDivergence", "squaredError", "both"]),
  /** The choice: its loss as predicted, and as measured once all layers were refitted; null where no budget was kept. */
  chosen: z.object({ kept: z.number(), predicted: z.number(), measured: z.number() }).nullable(),
  series: z.array(
    z.object({
      family: z.string().nullable(),
      points: z.array(z.object({ kept: z.number(), loss: z.number() })),
    }),
  ),
});

const millisecondsSchema = z.object({
  ms: z.number().nonnegative(),
  /** 95 % of the median. */
  interval: z.tuple([z.number(), z.number()]),
});

/**
 * Milliseconds as measured in the original and in the written model: of each layer, null where the runtime shows no
 * kernel of it, and of everything else.
 */
export const layerMillisecondsSchema = z.object({
  layers: z.array(
    z.object({
      name: z.string(),
      before: millisecondsSchema.nullable(),
      after: millisecondsSchema.nullable(),
    }),
  ),
  others: z.object({ before: millisecondsSchema.nullable(), after: millisecondsSchema.nullable() }),
});

export type Milliseconds = z.infer<typeof millisecondsSchema>;
export type LayerMilliseconds = z.infer<typeof layerMillisecondsSchema>;
export type Frontier = z.infer<typeof frontierSchema>;
export type Network = z.infer<typeof networkSchema>;
export type Picture = z.infer<typeof pictureSchema>;
