import { isComplex, ModelError, type ErrorPlace, type Tensor } from "../ir/index.js";
import { isNpy, readNpy } from "./npy.js";
import { isNpz, readNpz } from "./npz.js";
import { readBytes } from "./read-bytes.js";

const labelNames = ["label", "labels", "y"];

/** Whether an array of this name holds classes. */
export function isLabelName(name: string): boolean {
  return labelNames.includes(name);
}

/** One class per sample from an integer array of shape N or N×1. Throws ModelError E_DATA_LABELS. */
export function labelsOf(tensor: Tensor, count: number, where: ErrorPlace): Int32Array {
  const bad = (what: string): ModelError => new ModelError("E_DATA_LABELS", what, { where });
  if (tensor.dtype === "string" || isComplex(tensor.dtype))
    throw bad(`labels of type ${tensor.dtype} are not read`);
  if (tensor.size !== count || (tensor.dims[0] ?? 0) !== count) {
    throw bad(`labels of shape ${tensor.dims.join("×")} do not fit ${count} samples`);
  }
  return Int32Array.from(tensor.data as ArrayLike<number | bigint>, (value) => {
    const label = Number(value);
    if (!Number.isInteger(label) || Math.abs(label) > 0x7fffffff) throw bad(`${value} is not a class`);
    return label;
  });
}

/**
 * Labels from a file of their own: .npy, .npz (its `label`, `labels` or `y`, or its only array), or text with one
 * integer per line. Throws IoError or ModelError E_DATA_LABELS.
 */
export async function loadLabels(path: string, count: number): Promise<Int32Array> {
  const bytes = await readBytes(path);
  const where: ErrorPlace = { file: path };
  if (isNpy(bytes)) return labelsOf(readNpy(bytes, where), count, where);
  if (isNpz(bytes)) {
    const arrays = readNpz(bytes, path);
    const named =
      labelNames.find((name) => arrays.has(name)) ?? (arrays.size === 1 ? [...arrays.keys()][0] : undefined);
    if (named === undefined) {
      throw new ModelError("E_DATA_LABELS", `none of the arrays is named ${labelNames.join(", ")}`, {
        where,
      });
    }
    return labelsOf(arrays.get(named)!, count, { ...where, tensor: named });
  }
  const lines = new TextDecoder().decode(bytes).trim().split(/\r?\n/);
  const labels = lines.map((line) => (/^\s*-?\d+\s*$/.test(line) ? Number(line) : NaN));
  const bad = labels.findIndex((label) => !(Math.abs(label) <= 0x7fffffff));
  if (bad >= 0) {
    throw new ModelError("E_DATA_LABELS", `line ${bad + 1} is not a class`, { where });
  }
  if (labels.length !== count) {
    throw new ModelError("E_DATA_LABELS", `${labels.length} labels do not fit ${count} samples`, { where });
  }
  return Int32Array.from(labels);
}
