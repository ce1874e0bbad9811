/*
 * Speed of the reference interpreter against onnx.reference (NumPy), one thread each, interleaved run by run:
 *
 *     CONVOPT_PYTHON=python3 npx tsx bench/interpreter.ts [--pure] [--rounds 5] [name part]
 *
 * Figures are CPU time, the least of all rounds, which other processes on the machine disturb less than wall time. `--pure`
 * takes WebAssembly away, so that everything runs in TypeScript. The bar of a model is its least ratio in TypeScript; with
 * WebAssembly it is twice that.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const args = process.argv.slice(2);
const pure = args.includes("--pure");
// Before anything asks for it.
if (pure) delete (globalThis as { WebAssembly?: unknown }).WebAssembly;
const at = args.indexOf("--rounds");
const rounds = at < 0 ? 5 : Number(args.splice(at, 2)[1]);
const wanted = args.find((arg) => !arg.startsWith("--")) ?? "";

const { Tensor } = await import("../src/ir/index.js");
const { inferFacts, modelCost, prepareInterpreter } = await import("../src/measure/index.js");
const { loadModel } = await import("../src/onnx/index.js");
const { panelEngine } = await import("../src/linalg/product.js");
const { sharedModel } = await import("../test/shared/shared-models.js");
const { seededNormal } = await import("../test/shared/seeded-normal.js");

const models = [
  { name: "ultraface-rfb-320", shape: [1, 3, 240, 320], bar: 2 },
  { name: "resnet20", shape: [1, 3, 32, 32], bar: 0.6 },
  { name: "resnet56", shape: [1, 3, 32, 32], bar: 0.6 },
  { name: "dncnn-s-25", shape: [1, 1, 64, 64], bar: 0.12 },
] as const;

const one = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
const script = join(dirname(fileURLToPath(import.meta.url)), "onnx_reference.py");
const python = spawn(process.env.CONVOPT_PYTHON ?? "python3", [script], {
  env: { ...process.env, ...one },
  stdio: ["pipe", "pipe", "inherit"],
});
const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
async function reference(model: string, shape: readonly number[]): Promise<number> {
  python.stdin.write(`${JSON.stringify({ model, shape, runs: 1 })}\n`);
  const line = await answers.next();
  return (JSON.parse(String(line.value)) as { cpuMs: number[] }).cpuMs[0]!;
}

console.log(`engine: ${panelEngine().name}; CPU time of one run, least of ${rounds}, one thread`);
for (const { name, shape, bar } of models.filter((model) => model.name.includes(wanted))) {
  const path = sharedModel(name);
  const model = await loadModel(path);
  const input = model.graph.requiredInputs[0]!.name;
  const size = shape.reduce((product: number, dim) => product * dim, 1);
  const feeds = new Map([[input, Tensor.f32(shape, Float32Array.from({ length: size }, seededNormal(1)))]]);
  const { macs } = modelCost(model, inferFacts(model, { shapes: new Map([[input, shape]]) }));
  const interpreter = prepareInterpreter(model);
  let [ours, theirs] = [Infinity, Infinity];
  // The first runs compile and fold constants on both sides.
  for (let i = 0; i < 10; i++) interpreter.run(feeds);
  for (let round = -1; round < rounds; round++) {
    const start = process.cpuUsage();
    interpreter.run(feeds);
    const { user, system } = process.cpuUsage(start);
    const other = await reference(path, shape);
    if (round < 0) continue;
    ours = Math.min(ours, (user + system) / 1000);
    theirs = Math.min(theirs, other);
  }
  const rate = (ms: number): string => `${(macs! / ms / 1e6).toFixed(2)} GMAC/s`;
  const needed = pure ? bar : 2 * bar;
  const ratio = theirs / ours;
  console.log(
    `${name.padEnd(20)} convopt ${ours.toFixed(1).padStart(7)} ms ${rate(ours).padStart(12)}   onnx.reference ${theirs.toFixed(1).padStart(7)} ms ${rate(theirs).padStart(12)}   ${ratio.toFixed(2)} × (bar ${needed}) ${ratio >= needed ? "kept" : "MISSED"}`,
  );
}
python.stdin.end();
