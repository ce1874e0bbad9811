import { z } from "zod";
import { benchmarkSchema } from "./benchmark.js";
import { certificateCheckSchema, certificateSchema } from "./certificate.js";
import { differenceSchema } from "./difference.js";
import { explanationSchema } from "./explanation.js";
import { inspectionSchema } from "./inspection.js";
import { runSummarySchema } from "./run.js";
import { reportSchema } from "./schema.js";
import { sweepSchema } from "./sweep.js";
import { verificationSchema } from "./verification.js";

/** The published JSON Schemas: by command what `--json` prints, and of certificates and their check. */
export const jsonSchemas: Readonly<
  Record<
    | "optimize"
    | "sweep"
    | "inspect"
    | "verify"
    | "run"
    | "bench"
    | "diff"
    | "explain"
    | "certificate"
    | "certificate-check",
    () => unknown
  >
> = {
  optimize: () => z.toJSONSchema(reportSchema),
  sweep: () => z.toJSONSchema(sweepSchema),
  inspect: () => z.toJSONSchema(inspectionSchema),
  verify: () => z.toJSONSchema(verificationSchema),
  run: () => z.toJSONSchema(runSummarySchema),
  bench: () => z.toJSONSchema(benchmarkSchema),
  diff: () => z.toJSONSchema(differenceSchema),
  explain: () => z.toJSONSchema(explanationSchema),
  certificate: () => z.toJSONSchema(certificateSchema),
  "certificate-check": () => z.toJSONSchema(certificateCheckSchema),
};
