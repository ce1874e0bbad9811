import { z } from "zod";

/* What `explain` says of one layer; the schema of its JSON. */

const measured = z.number().nullable();

/** One line of the ledger: a decision about a node, as reports keep it. */
export const decisionSchema = z.object({
  pass: z.string(),
  node: z.string(),
  op: z.string(),
  verdict: z.enum(["applied", "declined"]),
  by: z.enum(["rule", "cost", "error", "budget", "user"]),
  reason: z.string(),
  macs: z.tuple([measured, measured]),
  params: z.tuple([z.number(), z.number()]),
  error: measured,
  form: z.string().optional(),
  size: z.record(z.string(), z.number()).optional(),
});

export const explanationSchema = z.object({
  schema: z.literal("convopt.explain/1"),
  input: z.object({ path: z.string(), sha256: z.string() }),
  layer: z.string(),
  op: z.string(),
  shape: z.string().nullable(),
  macs: measured,
  params: z.number(),
  /** What came of the layer: "applied" or "declined", by what, and why. Null when nothing decided about it. */
  outcome: z
    .object({
      verdict: z.enum(["applied", "declined"]),
      by: z.string(),
      form: z.string(),
      reason: z.string(),
    })
    .nullable(),
  candidates: z.array(decisionSchema),
  /** "report" or "recomputed". */
  source: z.enum(["report", "recomputed"]),
  warnings: z.array(z.string()),
});

export type Explanation = z.infer<typeof explanationSchema>;
export type Decision = z.infer<typeof decisionSchema>;
