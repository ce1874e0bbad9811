import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runPeer, shared } from "../test/shared/peers.js";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A model with the images that it is fitted on and those that its quality is measured on. */
export interface Subject {
  readonly model: string;
  readonly calib: string;
  readonly test: string;
  readonly preprocess: string | null;
}

const cifar = {
  calib: join(shared, "data", "cifar10-calib.npz"),
  test: join(shared, "data", "cifar10-test.npz"),
  preprocess: join(shared, "data", "cifar10.preprocess.json"),
};

const subjects: Readonly<Record<string, Subject>> = {
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

export function subjectNamed(name: string): Subject {
  const subject = subjects[name];
  if (!subject) throw new Error(`no subject ${name}; there are ${Object.keys(subjects).join(", ")}`);
  return subject;
}

/** Runs the built command line; its exit code and seconds. */
export function runCli(args: readonly string[]): {
  readonly status: number | null;
  readonly seconds: number;
} {
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [join(root, "dist", "cli.js"), ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { status, seconds: Math.round((performance.now() - start) / 1000) };
}

/** Figures of a model on the test images, by ONNX Runtime in Python: accuracy or PSNR, and agreement with the original. */
export interface Quality {
  readonly top1?: number;
  readonly psnr?: number;
  readonly agreement?: number;
}

export function qualityOf(model: string, subject: Subject): Quality {
  const { test: data, preprocess, model: reference } = subject;
  return runPeer("accuracy.py", { model, data, preprocess, reference, limit: null }) as Quality;
}

/** Means of the figures by row, in the order in which rows came. */
export function printMeans(table: ReadonlyMap<string, readonly number[]>): void {
  for (const [key, figures] of table) {
    const mean = figures.reduce((sum, x) => sum + x, 0) / figures.length;
    console.log(`${key}: ${mean.toFixed(3)} (${figures.map((x) => x.toFixed(3)).join(", ")})`);
  }
}
