/*
 * Quality against MACs kept, through the command line, on the shared models and on the project's own fixture:
 *
 *     npx tsx bench/frontier.ts resnet20 0.7,0.5 --effort max --seeds 0,1,2
 *
 * Every run is one `convopt optimize`; the test images are used for the figure only. Needs `npm run build`, the shared
 * material and CONVOPT_PYTHON with numpy, onnx and onnxruntime. Prints one JSON line per run and a table of the means.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runPeer, shared } from "../test/shared/peers.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cifar = {
  calib: join(shared, "data", "cifar10-calib.npz"),
  test: join(shared, "data", "cifar10-test.npz"),
  preprocess: join(shared, "data", "cifar10.preprocess.json"),
};
const subjects: Readonly<
  Record<string, { model: string; calib: string; test: string; preprocess: string | null }>
> = {
  resnet20: { model: join(shared, "models", "resnet20.onnx"), ...cifar },
  resnet56: { model: join(shared, "models", "resnet56.onnx"), ...cifar },
  dncnn: {
    model: join(shared, "models", "dncnn-s-25.onnx"),
    calib: join(shared, "data", "denoise25-calib.npz"),
    test: join(shared, "data", "denoise25-test.npz"),
    preprocess: null,
  },
  shapes20: {
    model: join(root, "fixtures", "shapes20.onnx"),
    calib: join(root, "fixtures", "shapes20-calib.npz"),
    test: join(root, "fixtures", "shapes20-test.npz"),
    preprocess: join(root, "fixtures", "shapes20.preprocess.json"),
  },
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    effort: { type: "string", default: "normal" },
    seeds: { type: "string", default: "0" },
    families: { type: "string" },
  },
});
const [name = "resnet20", budgets = "0.5"] = positionals;
const subject = subjects[name];
if (!subject) throw new Error(`no subject ${name}; there are ${Object.keys(subjects).join(", ")}`);
const scratch = mkdtempSync(join(tmpdir(), "convopt-frontier-"));
const table: { kept: number; figures: number[] }[] = [];

for (const budget of budgets.split(",")) {
  const figures: number[] = [];
  for (const seed of values.seeds.split(",")) {
    const output = join(scratch, `${name}-${budget}-${seed}.onnx`);
    const report = join(scratch, `${name}-${budget}-${seed}.json`);
    const args = [
      ...["optimize", subject.model, output, "--keep-macs", budget, "--calib", subject.calib],
      ...["--effort", values.effort, "--seed", seed, "--report", report, "--quiet"],
      ...(subject.preprocess ? ["--preprocess", subject.preprocess] : []),
      ...(values.families ? ["--families", values.families] : []),
    ];
    const { status } = spawnSync(process.execPath, [join(root, "dist", "cli.js"), ...args], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const { macs, quality, timings, peakRssBytes } = JSON.parse(readFileSync(report, "utf8"));
    const measured = runPeer("accuracy.py", {
      model: output,
      data: subject.test,
      preprocess: subject.preprocess,
      reference: subject.model,
      limit: null,
    }) as { top1?: number; psnr?: number; agreement?: number };
    const line = { name, budget, seed, effort: values.effort, status, ratio: macs.ratio, ...measured };
    console.log(
      JSON.stringify({ ...line, judged: quality.agreement, seconds: timings.totalMs / 1000, peakRssBytes }),
    );
    figures.push(measured.top1 ?? measured.psnr ?? NaN);
  }
  table.push({ kept: Number(budget), figures });
}
for (const { kept, figures } of table) {
  const mean = figures.reduce((sum, x) => sum + x, 0) / figures.length;
  console.log(`${name} ${kept}: ${mean.toFixed(3)} (${figures.map((x) => x.toFixed(3)).join(", ")})`);
}
