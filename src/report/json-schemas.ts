import { z } from "zod";
import { differenceSchema } from "./difference.js";
import { explanationSchema } from "./explanation.js";
import { inspectionSchema } from "./inspection.js";
import { reportSchema } from "./schema.js";
import { sweepSchema } from "./sweep.js";
import { verificationSchema } from "./verification.js";

/** The published JSON Schemas by command: what `--json` prints. */
export const jsonSchemas: Readonly<
  Record<"optimize" | "sweep" | "inspect" | "verify" | "diff" | "explain", () => unknown>
> = {
  optimize: () => z.toJSONSchema(reportSchema),
  sweep: () => z.toJSONSchema(sweepSchema),
  inspect: () => z.toJSONSchema(inspectionSchema),
  verify: () => z.toJSONSchema(verificationSchema),
  diff: () => z.toJSONSchema(differenceSchema),
  explain: () => z.toJSONSchema(explanationSchema),
};
