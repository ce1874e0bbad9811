import type { DataSet } from "../calib/index.js";
import type { Model, Tensor } from "../ir/index.js";
import type { Picture } from "../report/index.js";
import { openModel } from "./batches.js";
import type { EngineOptions, RunControl } from "./options.js";
import { isImage } from "./output-comparison.js";
import { encodePng, pngDataUri } from "./png.js";

/** Longer sides are drawn from every second, third … pixel. */
const longestSide = 256;
const mostPictures = 3;

/**
 * What an image-to-image model makes of the first of these images, before and after: for models with one input and an
 * output that both look like images. Empty for all others.
 */
export async function picturesOf(
  original: Model,
  written: Model,
  data: DataSet,
  images: ArrayLike<number>,
  options: EngineOptions & RunControl,
): Promise<Picture[]> {
  const [input, ...others] = original.graph.requiredInputs;
  const output = original.graph.outputs[0];
  const array = input && data.arrays.get(input.name);
  if (!input || !output || !array || others.length > 0 || images.length === 0) return [];
  if (!isImage([1, ...array.dims])) return [];
  const first = await openModel(original, options);
  const second = await openModel(written, options).catch(async (error: unknown) => {
    await first.dispose();
    throw error;
  });
  try {
    const pictures: Picture[] = [];
    for (const image of Array.from(images).slice(0, mostPictures)) {
      const batch = first.fixedBatch ?? 1;
      const feeds = array.batch(new Array<number>(batch).fill(image));
      const [before, after] = [
        (await first.run(new Map([[input.name, feeds]]))).get(output.name),
        (await second.run(new Map([[input.name, feeds]]))).get(output.name),
      ];
      if (!before || !after || !isImage(before.dims) || before.dims.join() !== after.dims.join()) return [];
      pictures.push(pictureOf(image, feeds, before, after));
    }
    return pictures;
  } finally {
    await Promise.all([first.dispose(), second.dispose()]);
  }
}

function pictureOf(image: number, input: Tensor, before: Tensor, after: Tensor): Picture {
  const [a, b] = [planes(before), planes(after)];
  const range = rangeOf(a.values);
  let [squared, largest] = [0, 0];
  const difference = a.values.map((x, i) => {
    const d = b.values[i]! - x;
    squared += d * d;
    largest = Math.max(largest, Math.abs(d));
    return d;
  });
  // Powers of two, so that the figure is easy to undo, until the largest difference would be half of the range.
  const span = range.high - range.low;
  const amplified =
    largest > 0 ? 2 ** Math.max(0, Math.min(24, Math.floor(Math.log2(span / 2 / largest) + 1e-6))) : 1;
  const shown = difference.map((d) => range.low + span / 2 + amplified * d);
  const rms = Math.sqrt(squared / difference.length);
  const size = sizeOf(a);
  return {
    image,
    ...size,
    input: draw(planes(input), rangeOf(planes(input).values)),
    before: draw(a, range),
    after: draw(b, range),
    difference: draw({ ...a, values: shown }, range),
    mapping: `Black is ${range.low} and white ${range.high} in the outputs.`,
    amplified,
    psnrDb: rms > 0 ? 20 * Math.log10(span / rms) : null,
  };
}

/** The first image of an N×C×H×W tensor. */
interface Planes {
  readonly values: Float64Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

function planes({ dims, numbers }: Tensor): Planes {
  const [, channels, height, width] = dims as readonly [number, number, number, number];
  return {
    values: Float64Array.from(numbers.subarray(0, channels * height * width)),
    channels,
    height,
    width,
  };
}

/** 0 … 1 or 0 … 255 where the values keep to it, else symmetric around 0: a residual, or normalised pixels. */
function rangeOf(values: Float64Array): { low: number; high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (const x of values) {
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  if (!Number.isFinite(high - low)) return { low: 0, high: 1 };
  if (low >= -0.1 && high <= 1.1 && high > 0.3) return { low: 0, high: 1 };
  if (low >= -30 && high <= 285 && high > 30) return { low: 0, high: 255 };
  const bound = Number(Math.max(-low, high, 1e-30).toPrecision(2));
  return { low: -bound, high: bound };
}

function stepOf({ height, width }: Planes): number {
  return Math.ceil(Math.max(height, width) / longestSide);
}

function sizeOf(image: Planes): { width: number; height: number } {
  const step = stepOf(image);
  return { width: Math.ceil(image.width / step), height: Math.ceil(image.height / step) };
}

function draw(image: Planes, { low, high }: { readonly low: number; readonly high: number }): string {
  const { values, channels, height, width } = image;
  const step = stepOf(image);
  const size = sizeOf(image);
  const colours = channels === 1 ? 1 : 3;
  const pixels = new Uint8Array(size.width * size.height * colours);
  for (let row = 0, to = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++) {
      for (let channel = 0; channel < colours; channel++) {
        const value = values[(channel * height + row * step) * width + column * step]!;
        pixels[to++] = Math.round((255 * (Math.min(high, Math.max(low, value)) - low)) / (high - low));
      }
    }
  }
  return pngDataUri(encodePng(pixels, size.width, size.height, colours));
}
