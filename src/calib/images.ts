import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { ioError, ModelError, Tensor, UsageError } from "../ir/index.js";
import type { ImageSize } from "./preprocess.js";

export interface ImageOptions {
  readonly resize: ImageSize | null;
  readonly crop: ImageSize | null;
  /** 1 (grey), 3 or 4. */
  readonly channels: number;
  readonly limit?: number | null;
}

const extensions = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".bmp"]);
const maxBytes = 4 * 2 ** 30;

/** The part of the optional package sharp that is used. */
interface Sharp {
  metadata(): Promise<{ readonly width?: number; readonly height?: number }>;
  resize(width: number, height: number, o: { readonly fit: "fill"; readonly kernel: string }): Sharp;
  extract(region: { left: number; top: number; width: number; height: number }): Sharp;
  toColourspace(space: string): Sharp;
  removeAlpha(): Sharp;
  ensureAlpha(): Sharp;
  raw(): Sharp;
  toBuffer(o: { readonly resolveWithObject: true }): Promise<{
    readonly data: Uint8Array;
    readonly info: { readonly width: number; readonly height: number; readonly channels: number };
  }>;
}
type SharpFactory = (path: string) => Sharp;

/**
 * The image files of a folder in the order of their names, as uint8 N×H×W×C. Throws UsageError when sharp is not
 * installed, IoError when the folder can't be read, ModelError for a damaged image or images of different sizes.
 */
export async function loadImages(folder: string, o: ImageOptions): Promise<Tensor> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw ioError(error, folder, "cannot be read");
  }
  names = names.filter((name) => extensions.has(extname(name).toLowerCase())).sort();
  if (names.length === 0) {
    throw new ModelError("E_DATA_EMPTY", "the folder holds no images", { where: { file: folder } });
  }
  return readImages(
    names.slice(0, o.limit ?? names.length).map((name) => join(folder, name)),
    o,
  );
}

/** Image files as uint8 N×H×W×C; see {@link loadImages}. */
export async function readImages(files: readonly string[], o: ImageOptions): Promise<Tensor> {
  const sharp = await importSharp();
  let all: Uint8Array | null = null;
  let dims: readonly number[] = [];
  for (const [i, file] of files.entries()) {
    const image = await decodeImage(sharp, file, o);
    if (!all) {
      dims = image.dims;
      const total = image.data.length * files.length;
      if (total > maxBytes) {
        throw new ModelError(
          "E_DATA_SIZE",
          `${files.length} images take ${total} bytes, more than ${maxBytes}`,
          {
            where: { file },
          },
        );
      }
      all = new Uint8Array(total);
    }
    if (image.dims.some((dim, axis) => dim !== dims[axis])) {
      throw new ModelError(
        "E_DATA_SHAPE",
        `the image is ${image.dims[0]}×${image.dims[1]}, the first one ${dims[0]}×${dims[1]}`,
        { where: { file }, hint: 'give "resize" and "crop" in the preprocess file' },
      );
    }
    all.set(image.data, i * image.data.length);
  }
  return Tensor.of("uint8", [files.length, ...dims], all ?? new Uint8Array(0));
}

async function decodeImage(
  sharp: SharpFactory,
  file: string,
  { resize, crop, channels }: ImageOptions,
): Promise<{ readonly dims: readonly [number, number, number]; readonly data: Uint8Array }> {
  try {
    const { width = 0, height = 0 } = await sharp(file).metadata();
    let [h, w] = [height, width];
    let image = sharp(file);
    if (resize !== null) {
      [h, w] = typeof resize === "number" ? shorterSide(height, width, resize) : resize;
      image = image.resize(w, h, { fit: "fill", kernel: "linear" });
    }
    if (crop !== null) {
      const [ch, cw] = typeof crop === "number" ? [crop, crop] : crop;
      if (ch > h || cw > w) throw new RangeError(`an image of ${h}×${w} cannot be cropped to ${ch}×${cw}`);
      image = image.extract({
        left: Math.round((w - cw) / 2),
        top: Math.round((h - ch) / 2),
        width: cw,
        height: ch,
      });
    }
    image = image.toColourspace(channels === 1 ? "b-w" : "srgb");
    image = channels === 4 ? image.ensureAlpha() : image.removeAlpha();
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new RangeError(`it has ${info.channels} channels, not ${channels}`);
    return { dims: [info.height, info.width, info.channels], data };
  } catch (error) {
    throw new ModelError(
      "E_DATA_IMAGE",
      `the image cannot be read: ${(error as Error).message.split("\n")[0]}`,
      {
        where: { file },
        cause: error,
      },
    );
  }
}

function shorterSide(height: number, width: number, side: number): [number, number] {
  return height <= width
    ? [side, Math.max(1, Math.floor((width * side) / height))]
    : [Math.max(1, Math.floor((height * side) / width)), side];
}

async function importSharp(): Promise<SharpFactory> {
  const name: string = "sharp";
  try {
    return ((await import(name)) as { default: SharpFactory }).default;
  } catch (error) {
    throw new UsageError("E_SHARP", "reading image files needs the package sharp, which is not installed", {
      hint: "npm install sharp, or give the images as .npz",
      cause: error,
    });
  }
}
