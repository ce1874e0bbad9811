import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ioError, UsageError, type ErrorPlace } from "../ir/index.js";
import { closestName } from "./closest-name.js";

/** Height and width; one number for both. For `resize` one number is the shorter side, the aspect kept. */
export type ImageSize = number | readonly [height: number, width: number];

/**
 * How raw pixels become the model's input: (x·scale − mean) / std per channel. `channels` is the order that the model
 * takes (raw pixels are RGB), and the order of `mean` and `std`. `layout` is the axis order of arrays. `resize` and
 * `crop` (from the centre) act on image files; arrays are taken at the size they have.
 */
export interface Preprocess {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channels: "rgb" | "bgr";
  readonly layout: "nchw" | "nhwc";
  readonly resize: ImageSize | null;
  readonly crop: ImageSize | null;
}

const finite = z.number();
const pixels = z.number().int().min(1).max(65536);
const size = z.union([pixels, z.tuple([pixels, pixels])]);
const divisor = finite.refine((value) => value !== 0, "must not be 0");
const perChannel = <T extends z.ZodType<number>>(entry: T) =>
  z.union([entry, z.array(entry).min(1).max(4096)]);

const schema = z.object({
  scale: finite.default(1),
  mean: perChannel(finite).default(0),
  std: perChannel(divisor).default(1),
  channels: z.enum(["rgb", "bgr"]).default("rgb"),
  layout: z.enum(["nchw", "nhwc"]).default("nchw"),
  resize: size.nullable().default(null),
  crop: size.nullable().default(null),
  comment: z.unknown().optional(),
});

/** Validates a preprocess description. Throws UsageError E_PREPROCESS that names the key. */
export function parsePreprocess(json: unknown, file?: string): Preprocess {
  const where: ErrorPlace = file === undefined ? {} : { file };
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new UsageError("E_PREPROCESS", "the preprocess description must be a JSON object", { where });
  }
  const known = Object.keys(schema.shape);
  for (const key of Object.keys(json)) {
    if (known.includes(key)) continue;
    const near = closestName(key, known);
    throw new UsageError("E_PREPROCESS", `unknown preprocess key ${JSON.stringify(key)}`, {
      where,
      hint: near === null ? `known keys are ${known.join(", ")}` : `did you mean ${JSON.stringify(near)}?`,
    });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.join(".") ?? "";
    throw new UsageError("E_PREPROCESS", `preprocess ${path}: ${issue?.message ?? "invalid"}`, { where });
  }
  const { mean, std, scale, channels, layout, resize, crop } = parsed.data;
  const means = typeof mean === "number" ? [mean] : mean;
  const stds = typeof std === "number" ? [std] : std;
  if (means.length !== stds.length && means.length > 1 && stds.length > 1) {
    throw new UsageError("E_PREPROCESS", `mean has ${means.length} channels and std has ${stds.length}`, {
      where,
    });
  }
  return { scale, mean: means, std: stds, channels, layout, resize, crop };
}

/** Reads a preprocess file. Throws IoError when it can't be read, UsageError when it is not valid. */
export async function loadPreprocess(path: string): Promise<Preprocess> {
  const where = { file: path };
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  }
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new UsageError("E_PREPROCESS", `the preprocess file is not JSON: ${(error as Error).message}`, {
      where,
      cause: error,
    });
  }
  return parsePreprocess(json, path);
}

/** scale, mean and std of one channel, in the order that the model takes. */
export function channelConstants(
  { scale, mean, std }: Preprocess,
  channel: number,
): { readonly scale: number; readonly mean: number; readonly std: number } {
  const pick = (list: readonly number[]): number => list[list.length === 1 ? 0 : channel]!;
  return { scale, mean: pick(mean), std: pick(std) };
}

/** Channels that `mean` and `std` speak of; null when they are the same for all. */
export function channelCount(preprocess: Preprocess): number | null {
  const count = Math.max(preprocess.mean.length, preprocess.std.length);
  return count === 1 ? null : count;
}
