import { z } from "zod";
import { differenceSchema } from "./difference.js";
import { explanationSchema } from "./explanation.js";
import { inspectionSchema } from "./inspection.js";
import { reportSchema } from "./schema.js";
import { verificationSchema } from "./verification.js";

/** The published JSON Schemas by command: what `--json` prints. */
export const jsonSchemas: Readonly<
  Record<"optimize" | "inspect" | "verify" | "diff" | "explain", () => unknown>
> = {
  optimize: () => z.toJSONSchema(reportSchema),
  inspect: () => z.toJSONSchema(inspectionSchema),
  verify: () => z.toJSONSchema(verificationSchema),
  diff: () => z.toJSONSchema(differenceSchema),
  explain: () => z.toJSONSchema(explanationSchema),
};
