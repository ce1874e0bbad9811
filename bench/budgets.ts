/*
 * Whether a latency budget makes any of the shared models slower:
 *
 *     npm run build && npx tsx bench/budgets.ts light-squeezenet ultraface-rfb-320 --keep-latency 0.9
 *
 * Every model goes through the command line, on smooth seeded noise for images (light models with seeded random weights);
 * the written file is then timed in turn with the original, in another process. "ratio" is the file's time relative to the
 * original's (bar: 1.02), "reported" what the report says.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { save, Tensor, writeNpz } from "../src/index.js";
import type { Model } from "../src/ir/index.js";
import { seededNormal } from "../test/shared/seeded-normal.js";
import { benchModel } from "./shared-model.js";
import { root } from "./subjects.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    "keep-latency": { type: "string", default: "0.9" },
    effort: { type: "string", default: "fast" },
    threads: { type: "string", default: "1" },
    images: { type: "string", default: "32" },
    shape: { type: "string" },
    /** Families of forms; all of them when not given. */
    families: { type: "string" },
  },
});

/** Mean and deviation of what a model's input holds, where it isn't normalized. */
const ranges: Readonly<Record<string, readonly [number, number]>> = { "style-mosaic": [120, 60] };
/** Pixels of the noise that each value spreads over. */
const grain = 8;

interface Ran {
  readonly status: number | null;
  readonly json: Record<string, unknown>;
  readonly lastError: string;
}

function convopt(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "dist", "cli.js"), ...args], {
    ...{ encoding: "utf8", maxBuffer: 2 ** 28 },
  });
  const json = stdout.startsWith("{") ? (JSON.parse(stdout) as Record<string, unknown>) : {};
  return { status, json, lastError: stderr.trim().split("\n").at(-1) ?? "" };
}

function imagesFor(
  model: Model,
  count: number,
  [mean, deviation]: readonly [number, number],
): Map<string, Tensor> {
  return new Map(
    model.graph.requiredInputs.map(({ name, type }) => {
      const [, channels, height, width] = type!.shape!.map((dim) => (typeof dim === "number" ? dim : 64)) as [
        number,
        number,
        number,
        number,
      ];
      const normal = seededNormal(1, name);
      const [rows, columns] = [height, width].map((pixels) => Math.ceil(pixels / grain)) as [number, number];
      const values = new Float32Array(count * channels * height * width);
      for (let plane = 0, at = 0; plane < count * channels; plane++) {
        const coarse = Float32Array.from({ length: rows * columns }, normal);
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            values[at++] =
              mean +
              deviation * (coarse[Math.floor(y / grain) * columns + Math.floor(x / grain)]! + 0.2 * normal());
      }
      return [name, Tensor.f32([count, channels, height, width], values)];
    }),
  );
}

for (const name of positionals) {
  const folder = await mkdtemp(join(tmpdir(), "convopt-budgets-"));
  try {
    const { model, file, asItIs } = await benchModel(name);
    const given = asItIs ? file : join(folder, "in.onnx");
    if (!asItIs) await save(model, given);
    const images = join(folder, "images.npz");
    await writeFile(images, writeNpz(imagesFor(model, Number(values.images), ranges[name] ?? [0, 1])));
    const out = join(folder, "out.onnx");
    const timing = [
      "--threads",
      values.threads,
      ...(values.shape ? ["--shape", values.shape] : []),
      "--json",
    ];
    const started = performance.now();
    const run = convopt(
      ...["optimize", given, out, "--calib", images, "--effort", values.effort, ...timing],
      ...["--keep-latency", values["keep-latency"]],
      ...(values.families ? ["--families", values.families] : []),
    );
    const seconds = Math.round((performance.now() - started) / 1000);
    const again = convopt("bench", given, out, "--runs", "60", "--seconds", "30", ...timing);
    const timed = again.json["models"] as { ratio: { median: number } }[] | undefined;
    console.log(
      JSON.stringify({
        ...{ name, status: run.status, seconds, ratio: timed?.[1]?.ratio.median ?? null },
        reported: (run.json["latencyMs"] as { ratio: number } | undefined)?.ratio ?? null,
        macs: run.json["macs"],
        ...(run.status === 0 && timed ? {} : { error: run.lastError, bench: again.lastError }),
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
