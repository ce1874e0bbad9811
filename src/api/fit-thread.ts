import { parentPort } from "node:worker_threads";
import { runFitJob, type FitJob } from "../search/index.js";
import { preset } from "../../passes/index.js";

/* What runs in a thread of {@link FitPool}: one fit job after the other. */

/** A job and its number; the answer carries the number again. */
export interface FitMessage {
  readonly id: number;
  readonly job: FitJob;
}

parentPort?.on("message", ({ id, job }: FitMessage) => {
  runFitJob(job, preset.families).then(
    (value) => parentPort!.postMessage({ id, value }),
    (error: unknown) => parentPort!.postMessage({ id, error: String(error) }),
  );
});
