import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the shared models, data and conformance cases lie. */
export const shared =
  process.env.CONVOPT_SHARED ?? join(dirname(fileURLToPath(import.meta.url)), "../../../shared");

const scripts = dirname(fileURLToPath(import.meta.url));

/**
 * Runs a script of this folder with the Python of the peers (CONVOPT_PYTHON, which `npm run test:shared` sets).
 * The request goes in as JSON on stdin, the answer comes back as the JSON line that the script printed last.
 * Throws with the script's stderr when it fails.
 */
export function runPeer(script: string, request: unknown, options: { timeoutMs?: number } = {}): unknown {
  const python = process.env.CONVOPT_PYTHON;
  if (python === undefined) throw new Error("CONVOPT_PYTHON is not set; run `npm run test:shared`");
  const { status, stdout, stderr, error } = spawnSync(python, [join(scripts, script)], {
    input: JSON.stringify(request),
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: options.timeoutMs ?? 300_000,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ORT_DISABLE_TELEMETRY: "1" },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${script} failed (${String(status)}):\n${stderr}`);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}

export interface CheckedModel {
  /** Message of onnx.checker's full check, null when it accepts the model. */
  readonly checker: string | null;
  /** Message of ONNX Runtime, null when it loads the model (and runs it, where feeds were asked for). */
  readonly runtime: string | null;
}

/** What onnx.checker (full check) and ONNX Runtime say of model files. */
export function checkModels(paths: readonly string[]): readonly CheckedModel[] {
  return runPeer("check_model.py", { paths }) as CheckedModel[];
}

export interface CountedMacs {
  /** Multiply–accumulates of Conv, ConvTranspose, Gemm and MatMul for one sample, subgraphs included. */
  readonly macs: number;
  readonly params: number;
  readonly nodes: readonly { readonly name: string; readonly op: string; readonly macs: number }[];
}

/** An independent count from the shapes that onnx.shape_inference finds in the written file. */
export function countMacs(
  path: string,
  shapes: Readonly<Record<string, readonly number[]>> = {},
): CountedMacs {
  return runPeer("count_macs.py", { path, shapes }) as CountedMacs;
}

export interface MeasuredQuality {
  /** Share of right top-1 answers, in per cent; for data with labels. */
  readonly top1?: number;
  /** Share of equal top-1 answers of model and reference, in per cent. */
  readonly agreement?: number;
  /** Mean peak signal-to-noise ratio in dB against `clean`, peak 1, of clip(input − output, 0, 1). */
  readonly psnr?: number;
  readonly images: number;
}

export interface QualityRequest {
  readonly model: string;
  /** .npz keyed by the model's input name, with `label` (top-1) or `clean` (PSNR). */
  readonly data: string;
  readonly preprocess?: string;
  /** Another model, for `agreement`. */
  readonly reference?: string;
  readonly limit?: number;
}

/** Quality of a model file in ONNX Runtime, computed in Python. */
export function measureQuality(request: QualityRequest): MeasuredQuality {
  return runPeer("accuracy.py", request) as MeasuredQuality;
}
