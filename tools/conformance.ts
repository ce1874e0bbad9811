/*
 * Runs ONNX backend cases through the reference interpreter:
 *   npm run conformance -- DIR [--json] [--match TEXT]
 * A case is a folder with model.onnx, input_N.pb, output_N.pb and tolerance.txt (tools/conformance-fetch.py makes them).
 * It passes when every output has the expected dtype and shape and |a − b| ≤ atol + rtol·|b|; NaN equals NaN.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { allNodes, isComplex, Tensor, type Model, type Value } from "../src/ir/index.js";
import { prepareInterpreter } from "../src/measure/index.js";
import { decodeModel, decodeTensorFile, type TensorFileKind } from "../src/onnx/index.js";
import type { RuntimeValue } from "../src/ops/index.js";

export interface ConformanceFailure {
  readonly case: string;
  readonly op: string;
  readonly reason: string;
}

export interface ConformanceResult {
  readonly total: number;
  readonly passed: number;
  readonly failed: readonly ConformanceFailure[];
  /** Cases and passed ones by the operator that the case is about. */
  readonly byOp: ReadonlyMap<string, { readonly total: number; readonly passed: number }>;
}

interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** Runs every case below `directory` whose name contains `match`. */
export function runConformance(directory: string, match = ""): ConformanceResult {
  const failed: ConformanceFailure[] = [];
  const byOp = new Map<string, { total: number; passed: number }>();
  let total = 0;
  for (const name of readdirSync(directory).sort()) {
    const folder = join(directory, name);
    if (!name.includes(match) || !existsSync(join(folder, "model.onnx"))) continue;
    total++;
    const { op, reason } = runCase(folder);
    const row = byOp.get(op) ?? { total: 0, passed: 0 };
    byOp.set(op, { total: row.total + 1, passed: row.passed + (reason === null ? 1 : 0) });
    if (reason !== null) failed.push({ case: name, op, reason });
  }
  return { total, passed: total - failed.length, failed, byOp };
}

/** The case's operator and why it fails, null when it passes. */
function runCase(folder: string): { op: string; reason: string | null } {
  let op = "?";
  try {
    const model = decodeModel(readFileSync(join(folder, "model.onnx")));
    op = subjectOf(model);
    const fed = model.graph.requiredInputs;
    const inputs = valuesOf(folder, "input", fed);
    const feeds = new Map(fed.slice(0, inputs.length).map((input, i) => [input.name, inputs[i] ?? null]));
    const results = prepareInterpreter(model).runValues(feeds);
    const tolerance = readTolerance(join(folder, "tolerance.txt"));
    for (const [i, expected] of valuesOf(folder, "output", model.graph.outputs).entries()) {
      const output = model.graph.outputs[i];
      if (!output) return { op, reason: `the model has no output ${i}` };
      const difference = compareValues(results.get(output.name) ?? null, expected, tolerance);
      if (difference !== null) return { op, reason: `output ${i}: ${difference}` };
    }
    return { op, reason: null };
  } catch (error) {
    return { op, reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** The most telling operator of a model: its only one, or the last that isn't plumbing. */
function subjectOf(model: Model): string {
  const plumbing = new Set(["Constant", "Identity", "Cast", "CastLike", "Reshape", "Unsqueeze"]);
  const ops = allNodes(model.graph).map(({ domain, op }) => (domain === "" ? op : `${domain}:${op}`));
  return ops.findLast((name) => !plumbing.has(name)) ?? ops.at(-1) ?? "none";
}

/** The files of one prefix in order; the graph's declarations say what kind of message each holds. */
function valuesOf(folder: string, prefix: string, declared: readonly Value[]): RuntimeValue[] {
  const values: RuntimeValue[] = [];
  for (let i = 0; existsSync(join(folder, `${prefix}_${i}.pb`)); i++) {
    const bytes = readFileSync(join(folder, `${prefix}_${i}.pb`));
    values.push(decodeTensorFile(bytes, kindOf(declared[i])) as RuntimeValue);
  }
  return values;
}

function kindOf(value: Value | undefined): TensorFileKind {
  const { type } = (value?.source ?? {}) as {
    type?: { sequence_type?: unknown; optional_type?: unknown } | null;
  };
  return type?.sequence_type ? "sequence" : type?.optional_type ? "optional" : "tensor";
}

function readTolerance(path: string): Tolerance {
  const entries = new Map(
    readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/) as [string, string]),
  );
  return { rtol: Number(entries.get("rtol") ?? 1e-3), atol: Number(entries.get("atol") ?? 1e-7) };
}

function compareValues(actual: RuntimeValue, expected: RuntimeValue, tolerance: Tolerance): string | null {
  if (actual instanceof Tensor && expected instanceof Tensor)
    return compareTensors(actual, expected, tolerance);
  if (actual === null || expected === null)
    return actual === expected ? null : "one is empty, the other is not";
  if (actual instanceof Tensor || expected instanceof Tensor) return "one is a sequence, the other is not";
  if (actual.length !== expected.length) return `${actual.length} elements instead of ${expected.length}`;
  for (const [i, tensor] of actual.entries()) {
    const difference = compareTensors(tensor, expected[i]!, tolerance);
    if (difference !== null) return `element ${i}: ${difference}`;
  }
  return null;
}

function compareTensors(actual: Tensor, expected: Tensor, { rtol, atol }: Tolerance): string | null {
  if (actual.dtype !== expected.dtype) return `${actual.dtype} instead of ${expected.dtype}`;
  if (actual.dims.length !== expected.dims.length || actual.dims.some((dim, i) => dim !== expected.dims[i])) {
    return `shape [${actual.dims.join(", ")}] instead of [${expected.dims.join(", ")}]`;
  }
  const [a, b] = [actual.data, expected.data];
  const count = isComplex(actual.dtype) ? 2 * actual.size : actual.size;
  for (let i = 0; i < count; i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const close =
      typeof x !== "string" && Math.abs(Number(x) - Number(y)) <= atol + rtol * Math.abs(Number(y));
    if (!close) return `element ${i} is ${String(x)} instead of ${String(y)}`;
  }
  return null;
}

function table({ byOp, total, passed, failed }: ConformanceResult): string {
  const rows = [...byOp].sort(([a], [b]) => (a < b ? -1 : 1));
  const width = Math.max(...rows.map(([op]) => op.length), 5);
  return [
    ...rows.map(
      ([op, row]) =>
        `${op.padEnd(width)} ${String(row.passed).padStart(5)} of ${String(row.total).padStart(4)}`,
    ),
    `${"total".padEnd(width)} ${String(passed).padStart(5)} of ${String(total).padStart(4)}`,
    ...failed.map((failure) => `failed: ${failure.case} (${failure.op}): ${failure.reason}`),
  ].join("\n");
}

function main(): void {
  const args = process.argv.slice(2);
  const at = args.indexOf("--match");
  const match = at >= 0 ? (args[at + 1] ?? "") : "";
  const directory = args.find((arg, i) => !arg.startsWith("--") && (at < 0 || i !== at + 1));
  if (directory === undefined) {
    console.error("usage: npm run conformance -- DIR [--json] [--match TEXT]");
    process.exitCode = 2;
    return;
  }
  const result = runConformance(directory, match);
  const { total, passed, failed } = result;
  console.log(args.includes("--json") ? JSON.stringify({ total, passed, failed }, null, 2) : table(result));
  process.exitCode = failed.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
