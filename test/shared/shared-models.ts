import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The folder of shared models and data: CONVOPT_SHARED, else beside the checkout. */
export const sharedFolder = process.env["CONVOPT_SHARED"] ?? join(root, "..", "shared");

export const sharedHere = existsSync(join(sharedFolder, "models"));

export function sharedModel(name: string): string {
  return join(sharedFolder, "models", `${name}.onnx`);
}

/** The Python of the peers (onnx, onnxruntime, onnx-tool): CONVOPT_PYTHON. */
export const python = process.env["CONVOPT_PYTHON"] ?? null;

export const lightModels = [
  "light-bvlc-alexnet",
  "light-densenet121",
  "light-inception-v1",
  "light-inception-v2",
  "light-resnet50",
  "light-shufflenet",
  "light-squeezenet",
  "light-vgg19",
  "light-zfnet512",
] as const;

export const trainedModels = [
  "dncnn-s-25",
  "resnet20",
  "resnet56",
  "style-mosaic",
  "super-resolution",
  "ultraface-rfb-320",
] as const;
