import { z } from "zod";

/* What `diff` finds out about two models; the schema of its JSON. */

const side = z.string().nullable();
const amounts = z.object({ a: z.number().nullable(), b: z.number().nullable() });

export const nodeDifferenceSchema = z.object({
  name: z.string(),
  change: z.enum(["added", "removed", "changed", "renamed"]),
  op: z.string(),
  /** What changed: the name, the operator, an attribute, inputs or outputs. */
  details: z.array(z.object({ what: z.string(), a: side, b: side })),
});

export const weightDifferenceSchema = z.object({
  name: z.string(),
  change: z.enum(["added", "removed", "changed", "renamed"]),
  /** Type and shape; the names where it is renamed. */
  a: side,
  b: side,
  /** ‖b − a‖₂ / ‖a‖₂ where types and shapes are equal numbers, else null. */
  relativeError: z.number().nullable(),
});

export const differenceSchema = z.object({
  schema: z.literal("convopt.diff/1"),
  a: z.object({ path: z.string(), sha256: z.string() }),
  b: z.object({ path: z.string(), sha256: z.string() }),
  /** No difference in anything that is compared here. */
  same: z.boolean(),
  macs: amounts,
  params: amounts,
  bytes: amounts,
  /** Names, types, shapes and order of inputs and outputs. */
  interface: z.array(z.string()),
  /** IR version, operator sets, functions, metadata. */
  model: z.array(z.object({ what: z.string(), a: side, b: side })),
  nodes: z.array(nodeDifferenceSchema),
  weights: z.array(weightDifferenceSchema),
});

export type Difference = z.infer<typeof differenceSchema>;
