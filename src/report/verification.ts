import { z } from "zod";

/* What `verify` finds out about two models; the schema of its JSON. Not measured is null. */

const count = z.number().int().nonnegative();
const interval = z.tuple([z.number(), z.number()]);

/** `agreed` of `total`, with the Wilson 95 % interval of the share. */
export const shareSchema = z.object({
  agreed: count,
  total: count,
  share: z.number(),
  interval,
});

export const outputComparisonSchema = z.object({
  name: z.string(),
  dtype: z.string(),
  /** Shape over all images. */
  shape: z.array(z.number()),
  /** ‖b − a‖₂ / ‖a‖₂ over all images; null when it is infinite (NaN in one only, or a is all zeros). */
  relativeError: z.number().nullable(),
  maxAbs: z.object({ value: z.number().nullable(), index: z.array(z.number()) }),
  cosine: z.number().nullable(),
  /** Equal argmax over axis 1 of an N×C or N×C×1×1 output. */
  top1: shareSchema.nullable(),
  /** The original's answer is among the five highest of the other. */
  top5: shareSchema.nullable(),
  /** Mean KL divergence of softmax(a) from softmax(b), in nats. */
  klDivergence: z.number().nullable(),
  /**
   * Peak signal-to-noise ratio of images (N×1, 3 or 4×H×W) in dB; `db` is null where nothing differs. The peak is 255
   * for values beyond 2, else 1.
   */
  psnr: z.object({ db: z.number().nullable(), peak: z.number() }).nullable(),
  /** Elements that are NaN or infinite in either model, and those where the two are not so alike. */
  nonFinite: z.object({ a: count, b: count, different: count }),
});

export const layerErrorSchema = z.object({
  /** In the first model, and the node of the second that makes the value there. */
  node: z.string(),
  other: z.string(),
  op: z.string(),
  value: z.string(),
  /** Relative L2 accumulated from the inputs on; null when it is infinite. */
  relativeError: z.number().nullable(),
  /** What the second model's nodes add themselves, fed with the first one's values; null when it is infinite. */
  localError: z.number().nullable(),
});

/** Inner values that both models have, in order, over `images` samples in float64. */
export const errorProfileSchema = z.object({ images: count, layers: z.array(layerErrorSchema) });

/** `first` is the first value that its own nodes put over the limit, `before` the one before it. */
export const bisectionSchema = z.object({
  limit: z.number(),
  first: layerErrorSchema.nullable(),
  before: layerErrorSchema.nullable(),
  layers: z.array(layerErrorSchema),
});

export const verificationSchema = z.object({
  schema: z.literal("convopt.verify/1"),
  a: z.object({ path: z.string(), sha256: z.string() }),
  b: z.object({ path: z.string(), sha256: z.string() }),
  ok: z.boolean(),
  interface: z.object({ same: z.boolean(), differences: z.array(z.string()) }),
  data: z.object({
    /** Null when the inputs are seeded noise. */
    path: z.string().nullable(),
    images: count,
    seed: z.number().int().nullable(),
    labels: z.boolean(),
  }),
  engine: z.string(),
  /** How far the first model is from itself under another order of arithmetic: the largest of the sources. */
  noiseFloor: z.object({
    value: z.number().nullable(),
    sources: z.array(z.object({ name: z.string(), relativeError: z.number(), images: count })),
    outputs: z.array(z.object({ name: z.string(), value: z.number() })),
  }),
  outputs: z.array(outputComparisonSchema),
  /** Both in float64, so that only what the models say differs, not the arithmetic; null where it was not needed. */
  exact: z
    .object({
      images: count,
      outputs: z.array(
        z.object({
          name: z.string(),
          relativeError: z.number().nullable(),
          worstSample: z.number().nullable(),
          limit: z.number(),
        }),
      ),
    })
    .nullable(),
  detections: z
    .object({
      boxes: z.string(),
      scores: z.string(),
      a: count,
      b: count,
      /** Of one class, with an intersection over union of at least a half. */
      matched: count,
      f1: z.number(),
      meanOverlap: z.number().nullable(),
      leastOverlap: z.number().nullable(),
      maxScoreDifference: z.number().nullable(),
    })
    .nullable(),
  accuracy: z
    .object({
      a: shareSchema,
      b: shareSchema,
      /** Images that only one of the two gets right, and the two-sided p-value that this is chance. */
      mcnemar: z.object({ onlyA: count, onlyB: count, pValue: z.number() }),
    })
    .nullable(),
  limits: z.array(
    z.object({
      name: z.enum(["interface", "nonFinite", "maxError", "exactError", "minAgreement"]),
      limit: z.number(),
      measured: z.number().nullable(),
      met: z.boolean(),
      message: z.string(),
    }),
  ),
  profile: errorProfileSchema.nullable(),
  bisection: bisectionSchema.nullable(),
  warnings: z.array(z.string()),
});

export type Verification = z.infer<typeof verificationSchema>;
export type LayerError = z.infer<typeof layerErrorSchema>;
export type ErrorProfile = z.infer<typeof errorProfileSchema>;
export type Bisection = z.infer<typeof bisectionSchema>;
export type OutputComparison = z.infer<typeof outputComparisonSchema>;
export type Share = z.infer<typeof shareSchema>;
