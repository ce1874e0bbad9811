export { fixedBatchOf, runBatches, type BatchOptions, type BatchSource } from "./batches.js";
export type { Executor, ExecutorOptions, Feeds } from "./executor.js";
export { createOrtGemm, type OrtGemmOptions } from "./gemm.js";
export { guardModel } from "./guard.js";
export { runtimeSource, selfContained, type RuntimeSource } from "./message.js";
export { openExecutor, type OpenOptions } from "./open.js";
export { cleanOrtMessage } from "./ort-errors.js";
export { ortAvailable } from "./ort-module.js";
export { probeInChild, type ProbeCommand, type ProbeOptions } from "./probe.js";
