/*
 * Quality against MACs kept, through the command line, on the shared models and on the project's own fixture:
 *
 *     npx tsx bench/frontier.ts resnet20 0.7,0.5 --effort max --seeds 0,1,2
 *
 * Every seed is one `convopt sweep`, whose points are what `convopt optimize` finds for them one by one; the test images
 * are used for the figure only. Needs `npm run build`, the shared material and CONVOPT_PYTHON with numpy, onnx and
 * onnxruntime. Prints one JSON line per point and a table of the means.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { printMeans, qualityOf, runCli, subjectNamed } from "./subjects.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    effort: { type: "string", default: "normal" },
    seeds: { type: "string", default: "0" },
    families: { type: "string" },
    /** Of the run: 1 where something else runs beside it. */
    threads: { type: "string", default: "0" },
    /** Also the frontier of every family alone. */
    "single-forms": { type: "boolean", default: false },
    /** Folder that the models stay in. */
    keep: { type: "string" },
  },
});
const [name = "resnet20", budgets = "0.5"] = positionals;
const subject = subjectNamed(name);
const points = budgets.split(",");
const scratch = values.keep ?? mkdtempSync(join(tmpdir(), "convopt-frontier-"));
const table = new Map<string, number[]>();

for (const seed of values.seeds.split(",")) {
  const folder = join(scratch, `${name}-${values.effort}-${seed}`);
  const ran = runCli([
    ...["sweep", subject.model, folder, "--points", budgets, "--calib", subject.calib],
    ...["--effort", values.effort, "--seed", seed, "--threads", values.threads, "--quiet"],
    ...(subject.preprocess ? ["--preprocess", subject.preprocess] : []),
    ...(values.families ? ["--families", values.families] : []),
    ...(values["single-forms"] ? ["--single-forms"] : []),
  ]);
  console.log(JSON.stringify({ name, seed, effort: values.effort, points, ...ran }));
  for (const family of ["", ...(values["single-forms"] ? foldersIn(folder) : [])]) {
    for (const point of points) {
      const model = join(folder, family, `keep-${Number(point).toFixed(2)}.onnx`);
      if (!existsSync(model)) continue;
      const { macs, quality, timings, peakRssBytes } = JSON.parse(
        readFileSync(model.replace(/onnx$/, "json"), "utf8"),
      );
      const measured = qualityOf(model, subject);
      const judged = quality.agreement;
      const key = `${name} ${family} ${point}`.replace(/ +/g, " ");
      console.log(
        JSON.stringify({ key, seed, ratio: macs.ratio, ...measured, judged, timings, peakRssBytes }),
      );
      table.set(key, [...(table.get(key) ?? []), measured.top1 ?? measured.psnr ?? NaN]);
    }
  }
}
printMeans(table);

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}
