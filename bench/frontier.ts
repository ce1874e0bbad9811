/*
 * Quality against MACs kept, through the command line, on the shared models and on the project's own fixture:
 *
 *     npx tsx bench/frontier.ts resnet20 0.7,0.5 --effort max --seeds 0,1,2
 *
 * Every seed is one `convopt sweep`, whose points are what `convopt optimize` finds for them one by one; the test images
 * are used for the figure only. Needs `npm run build`, the shared material and CONVOPT_PYTHON with numpy, onnx and
 * onnxruntime. Prints one JSON line per point and a table of the means.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
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
    /** Also the frontier of every family alone. */
    "single-forms": { type: "boolean", default: false },
    /** Folder that the models stay in. */
    keep: { type: "string" },
  },
});
const [name = "resnet20", budgets = "0.5"] = positionals;
const subject = subjects[name];
if (!subject) throw new Error(`no subject ${name}; there are ${Object.keys(subjects).join(", ")}`);
const points = budgets.split(",");
const scratch = values.keep ?? mkdtempSync(join(tmpdir(), "convopt-frontier-"));
const table = new Map<string, number[]>();

for (const seed of values.seeds.split(",")) {
  const folder = join(scratch, `${name}-${values.effort}-${seed}`);
  const args = [
    ...["sweep", subject.model, folder, "--points", budgets, "--calib", subject.calib],
    ...["--effort", values.effort, "--seed", seed, "--quiet"],
    ...(subject.preprocess ? ["--preprocess", subject.preprocess] : []),
    ...(values.families ? ["--families", values.families] : []),
    ...(values["single-forms"] ? ["--single-forms"] : []),
  ];
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [join(root, "dist", "cli.js"), ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(JSON.stringify({ name, seed, effort: values.effort, points, status, seconds }));
  for (const family of ["", ...(values["single-forms"] ? foldersIn(folder) : [])]) {
    for (const point of points) {
      const model = join(folder, family, `keep-${Number(point).toFixed(2)}.onnx`);
      if (!existsSync(model)) continue;
      const { macs, quality, timings, peakRssBytes } = JSON.parse(
        readFileSync(model.replace(/onnx$/, "json"), "utf8"),
      );
      const measured = runPeer("accuracy.py", {
        model,
        data: subject.test,
        preprocess: subject.preprocess,
        reference: subject.model,
        limit: null,
      }) as { top1?: number; psnr?: number; agreement?: number };
      const judged = quality.agreement;
      const key = `${name} ${family} ${point}`.replace(/ +/g, " ");
      console.log(
        JSON.stringify({ key, seed, ratio: macs.ratio, ...measured, judged, timings, peakRssBytes }),
      );
      table.set(key, [...(table.get(key) ?? []), measured.top1 ?? measured.psnr ?? NaN]);
    }
  }
}
for (const [key, figures] of table) {
  const mean = figures.reduce((sum, x) => sum + x, 0) / figures.length;
  console.log(`${key}: ${mean.toFixed(3)} (${figures.map((x) => x.toFixed(3)).join(", ")})`);
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}
