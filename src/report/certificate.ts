import { z } from "zod";
import { errorProfileSchema } from "./verification.js";

/* What ties two models, data and figures together, so that another run can confirm or deny it. */

const count = z.number().int().nonnegative();
const measured = z.number().nonnegative().nullable();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const hashed = z.object({ path: z.string(), sha256 });

/** Said by every certificate, word for word. */
export const certificateStatement =
  "Evidence by re-run, not a signature: anyone who has the two models and the data can measure these figures again with `convopt verify --certificate`. It says nothing about who measured them first.";

const modelSchema = z.object({
  path: z.string(),
  bytes: count,
  sha256,
  /** Data files beside the model, by their location in it. */
  external: z.array(z.object({ location: z.string(), sha256 })),
});

const agreedSchema = z.object({ agreed: count, total: count }).nullable();

export const certificateSchema = z.object({
  schema: z.literal("convopt.certificate/1"),
  statement: z.literal(certificateStatement),
  input: modelSchema,
  output: modelSchema,
  data: z.object({
    /** Null for seeded noise. */
    path: z.string().nullable(),
    /** The data file under the name "", or the files of the folder. */
    files: z.array(z.object({ name: z.string(), sha256 })),
    preprocess: hashed.nullable(),
    labels: hashed.nullable(),
    /** The judged part of the images that `optimize` was given, the first ones, or noise. */
    part: z.enum(["judged", "first", "noise"]),
    /** Of the split or of the noise; null where nothing is drawn. */
    seed: z.number().int().nullable(),
    /** Images that the part is taken from, and in the part. */
    given: count,
    images: count,
    /** Of the part, the seed and the numbers of its images. */
    selection: sha256,
    /** What the models were fed, by input: the shape of all images and the hash of their values as little-endian float64. */
    arrays: z.array(z.object({ input: z.string(), dims: z.array(count), sha256 })),
  }),
  /** Multiply–accumulates per sample, parameters. */
  costs: z.object({
    input: z.object({ macs: count.nullable(), params: count }),
    output: z.object({ macs: count.nullable(), params: count }),
  }),
  quality: z.object({
    /** Error of the worst output when every weight of the input is rounded anew, in float64: what equal models may differ by. */
    roundingFloor: measured,
    outputs: z.array(
      z.object({
        name: z.string(),
        relativeError: measured,
        maxAbs: measured,
        psnrDb: z.number().nullable(),
        klDivergence: measured,
        top1: agreedSchema,
        top5: agreedSchema,
        nonFinite: z.object({ input: count, output: count, different: count }),
      }),
    ),
    accuracy: z
      .object({ input: count, output: count, onlyInput: count, onlyOutput: count, total: count })
      .nullable(),
    /** Null where a float64 run would take too long. */
    layers: errorProfileSchema.nullable(),
  }),
  /** Facts of the run; none of them is judged. */
  environment: z.object({
    convopt: z.string(),
    engine: z.string(),
    node: z.string(),
    platform: z.string(),
    processor: z.string(),
  }),
  /** Not judged. */
  measuredMs: z.number().nonnegative(),
  /** Of everything else as canonical JSON (RFC 8785). */
  sha256,
});

export const certificateCheckSchema = z.object({
  schema: z.literal("convopt.certificate-check/1"),
  certificate: z.object({ path: z.string(), sha256: z.string() }),
  confirmed: z.boolean(),
  /** Whether the models were run again: not where a hash is wrong already. */
  measured: z.boolean(),
  /** Everything that was judged; `recorded` and `found` are JSON texts. */
  lines: z.array(
    z.object({
      /** JSON Pointer into the certificate. */
      line: z.string(),
      recorded: z.string(),
      found: z.string(),
      rule: z.enum(["exact", "factor", "count", "decibel"]),
      same: z.boolean(),
    }),
  ),
  /** What is not judged and differs. */
  notes: z.array(z.string()),
});

export type Certificate = z.infer<typeof certificateSchema>;
export type CertificateCheck = z.infer<typeof certificateCheckSchema>;

/** JSON with sorted keys and without blanks, the same text for the same value (RFC 8785, JSON Canonicalization Scheme). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  // By UTF-16 code units, which is how JavaScript compares strings.
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(",")}}`;
}
