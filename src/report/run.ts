import { z } from "zod";

/* What `run` prints as JSON: which outputs there are; their values are in the file. */

export const runSummarySchema = z.object({
  schema: z.literal("convopt.run/1"),
  /** The path is "-" for standard input. */
  model: z.object({ path: z.string(), sha256: z.string() }),
  engine: z.string(),
  images: z.number().int().nonnegative(),
  /** File with the outputs; null where none was asked for. */
  out: z.string().nullable(),
  outputs: z.array(
    z.object({ name: z.string(), dtype: z.string(), shape: z.array(z.number().int().nonnegative()) }),
  ),
});

export type RunSummary = z.infer<typeof runSummarySchema>;
