import { stat } from "node:fs/promises";
import {
  ioError,
  ModelError,
  sampleAxis,
  type Dim,
  type ErrorPlace,
  type SampleAxis,
  type Tensor,
} from "../ir/index.js";
import { closestName } from "./closest-name.js";
import { fedInputs, type DataInput, type DataSet, type SampleArray } from "./data-set.js";
import { loadImages } from "./images.js";
import { isLabelName, labelsOf } from "./labels.js";
import { isNpy, readNpy } from "./npy.js";
import { isNpz, readNpz } from "./npz.js";
import type { Preprocess } from "./preprocess.js";
import { readBytes } from "./read-bytes.js";
import { describeShape, sampleArray, wholeArray } from "./sample-array.js";

export interface LoadDataOptions {
  readonly preprocess?: Preprocess | null;
  /** The first samples only. */
  readonly limit?: number | null;
  /** The model's outputs: they tell which of several fixed first dimensions counts samples. */
  readonly outputs?: readonly DataInput[];
}

/**
 * Samples for a model's inputs from an .npz keyed by input name (a single array fits a single input), an .npy, or a
 * folder of images; "-" is standard input. Throws IoError when nothing can be read, ModelError (exit 3) when what was
 * read does not fit, UsageError when a folder of images needs a package that isn't there.
 */
export async function loadData(
  path: string,
  inputs: readonly DataInput[],
  o: LoadDataOptions = {},
): Promise<DataSet> {
  const preprocess = o.preprocess ?? null;
  if (path !== "-" && (await isFolder(path))) return imageData(path, inputs, preprocess, o.limit ?? null);
  const bytes = await readBytes(path);
  const where: ErrorPlace = { file: path };
  if (isNpz(bytes)) return dataSetOf(readNpz(bytes, path), inputs, { ...o, file: path });
  if (isNpy(bytes)) {
    const needed = fedInputs(inputs);
    if (needed.length !== 1) {
      throw new ModelError(
        "E_DATA_INPUTS",
        `an .npy file fits a single input, the model has ${needed.length}`,
        {
          where,
          hint: "give an .npz keyed by the names of the inputs",
        },
      );
    }
    return dataSetOf(new Map([[needed[0]!.name, readNpy(bytes, where)]]), inputs, { ...o, file: path });
  }
  throw new ModelError("E_DATA_FORMAT", "the data are neither .npz nor .npy nor a folder of images", {
    where,
  });
}

/** The data set of arrays that are in memory already; see {@link loadData}. */
export function dataSetOf(
  given: ReadonlyMap<string, Tensor>,
  inputs: readonly DataInput[],
  o: LoadDataOptions & { readonly file?: string } = {},
): DataSet {
  const where: ErrorPlace = o.file === undefined ? {} : { file: o.file };
  const sources = matchInputs(given, fedInputs(inputs), where);
  const used = new Set(sources.values());
  const axis = sampleAxis(fedInputs(inputs), o.outputs);
  const sampled = [...sources].filter(([input, name]) => !isWhole(input, given.get(name)!, axis));
  const countOf = (name: string): number => given.get(name)!.dims[0] ?? 0;
  const counted = sampled.find(([{ name }]) => axis.inputs.has(name)) ?? sampled[0];
  const total = counted ? countOf(counted[1]) : Math.min(1, sources.size);
  for (const [input, name] of sampled) {
    const { dims } = given.get(name)!;
    if (countOf(name) === total || dims.length === 0) continue;
    if (!axis.inputs.has(input.name)) {
      throw new ModelError(
        "E_DATA_SHAPE",
        `the array of shape ${dims.join("×")} does not fit the model input of shape ${describeShape(input.type?.shape ?? null)}`,
        { where: { ...where, tensor: input.name } },
      );
    }
    throw new ModelError("E_DATA_COUNT", `the array holds ${countOf(name)} samples, another one ${total}`, {
      where: { ...where, tensor: input.name },
    });
  }
  const count = Math.min(total, o.limit ?? total);
  const arrays = new Map<string, SampleArray>();
  for (const [input, name] of sources) {
    const { preprocess = null, file } = o;
    const raw = given.get(name)!;
    const options = { preprocess, count, array: name, ...(file === undefined ? {} : { file }) };
    const samples = isWhole(input, raw, axis) || isStackOfWholes(input, raw, axis) ? wholeArray : sampleArray;
    arrays.set(input.name, samples(input, raw, options));
  }
  if (count === 0) throw new ModelError("E_DATA_EMPTY", "the data hold no samples", { where });
  const rest = [...given].filter(([name]) => !used.has(name));
  const label = rest.find(([name]) => isLabelName(name));
  return {
    count,
    arrays,
    labels: label ? labelsOf(label[1], total, { ...where, tensor: label[0] }).slice(0, count) : null,
    extra: new Map(rest.filter((entry) => entry !== label)),
  };
}

/** Whether an array is what an input that is no batch takes, as it stands. */
function isWhole({ name, type }: DataInput, { dims }: Tensor, axis: SampleAxis): boolean {
  const shape = type?.shape;
  if (axis.inputs.has(name) || shape?.length !== dims.length) return false;
  return shape.every((dim, i) => typeof dim !== "number" || dim === dims[i]);
}

/** Whether an array holds what such an input takes for every sample, which works where a run is one sample. */
function isStackOfWholes({ name, type }: DataInput, { dims }: Tensor, axis: SampleAxis): boolean {
  return axis.size === 1 && !axis.inputs.has(name) && dims.length - 1 === type?.shape?.length;
}

/** The array for each input: by name, else the only array for the only input. */
function matchInputs(
  given: ReadonlyMap<string, Tensor>,
  needed: readonly DataInput[],
  where: ErrorPlace,
): Map<DataInput, string> {
  const sources = new Map<DataInput, string>();
  const names = [...given.keys()];
  for (const input of needed) {
    if (given.has(input.name)) {
      sources.set(input, input.name);
      continue;
    }
    const others = names.filter((name) => !isLabelName(name));
    if (needed.length === 1 && others.length === 1) {
      sources.set(input, others[0]!);
      continue;
    }
    const near = closestName(input.name, names);
    throw new ModelError(
      "E_DATA_INPUTS",
      `there is no array for this model input; the data hold ${names.length === 0 ? "none" : names.map((name) => JSON.stringify(name)).join(", ")}`,
      {
        where: { ...where, tensor: input.name },
        ...(near === null
          ? {}
          : { hint: `did you mean ${JSON.stringify(near)}? Arrays are keyed by input name` }),
      },
    );
  }
  return sources;
}

async function imageData(
  folder: string,
  inputs: readonly DataInput[],
  preprocess: Preprocess | null,
  limit: number | null,
): Promise<DataSet> {
  const where: ErrorPlace = { file: folder };
  const [input, ...others] = fedInputs(inputs);
  if (!input || others.length > 0) {
    throw new ModelError(
      "E_DATA_INPUTS",
      `images fit a single input, the model has ${others.length + (input ? 1 : 0)}`,
      {
        where,
      },
    );
  }
  if (!preprocess) {
    throw new ModelError("E_DATA_PREPROCESS", "images are uint8 and need a preprocess", {
      where,
      hint: "say how pixels become the model's input with --preprocess FILE.json",
    });
  }
  const channels = imageChannels(input.type?.shape ?? null);
  const images = await loadImages(folder, { ...preprocess, channels, limit });
  const count = images.dims[0]!;
  const samples = sampleArray(input, images, {
    preprocess,
    count,
    layout: "nhwc",
    file: folder,
    array: "images",
  });
  return { count, arrays: new Map([[input.name, samples]]), labels: null, extra: new Map() };
}

/** 1, 3 or 4, from the channel axis of the model input; 3 where that is not known. */
function imageChannels(shape: readonly Dim[] | null): number {
  if (!shape) return 3;
  const candidates = [shape[1], shape.at(-1)];
  const known = candidates.find((dim) => dim === 1 || dim === 3 || dim === 4);
  return typeof known === "number" ? known : 3;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  }
}
