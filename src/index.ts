/*
 * The published surface: load a model, look at it, rewrite it, compare, run and save it. The command line uses nothing
 * else.
 */
export { preset } from "../passes/index.js";
export { bench, type BenchOptions } from "./api/bench.js";
export { bisect, type BisectOptions } from "./api/bisect.js";
export { certify, type CertifiedRun, type CertifyOptions } from "./api/certificate.js";
export { checkCertificate, type CheckOptions } from "./api/certificate-check.js";
export {
  calibrateLatency,
  latencyProfileJsonSchema,
  loadLatencyProfile,
  openLatencyModel,
  type CalibrateOptions,
  type LatencyOptions,
  type LatencyProfile,
  type OpenLatencyModel,
} from "./api/latency.js";
export { cheaperLayers } from "./api/cheaper-layers.js";
export { loadData, loadDataOf, type DataOptions } from "./api/data.js";
export { diff, type DiffOptions } from "./api/diff.js";
export { decisionOf, explain, findLayer, loadReport, type ExplainOptions } from "./api/explain.js";
export { checkWritable, readTextFile, writeFileAtomically } from "./api/file-access.js";
export { inspect, type InspectOptions } from "./api/inspect.js";
export { loadLabels, readNpy, readNpz, writeNpy, writeNpz, type DataSet } from "./calib/index.js";
export { load, save, type LoadOptions } from "./api/load.js";
export { optimize, optimizeFile, type OptimizedFile } from "./api/optimize.js";
export { reportDetails, type DetailOptions } from "./api/report-details.js";
export type {
  Budget,
  Calibration,
  EngineChoice,
  EngineOptions,
  OptimizeOptions,
  ProgressEvent,
  RunControl,
} from "./api/options.js";
export { run, saveArrays, type RunOptions, type RunResult } from "./api/run.js";
export { closest, didYouMean } from "./api/suggest.js";
export { verify, type VerifyOptions } from "./api/verify.js";
export { sweepFile, sweepFiles, type SweepOptions } from "./api/sweep.js";
export { version } from "./api/version.js";
export {
  definePass,
  type Decline,
  type FormFamily,
  type Ledger,
  type LedgerEntry,
  type Pass,
  type Rewrite,
  type RewriteContext,
} from "./engine/index.js";
export type {
  ConvLayer,
  ConvSpec,
  Form,
  FormName,
  FormPlan,
  FormSize,
  Stage,
  Target,
} from "./forms/index.js";
export {
  ConvoptError,
  ExitCode,
  Graph,
  GraphBuilder,
  InvariantError,
  ioError,
  IoError,
  Model,
  ModelError,
  Node,
  Patch,
  Tensor,
  UnsupportedError,
  UsageError,
  Value,
  cloneModel,
  print,
  type DType,
  type ErrorPlace,
  type ModelFile,
  type TensorType,
} from "./ir/index.js";
export * from "./report/index.js";
