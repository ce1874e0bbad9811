import { splitImages, type DataSet } from "../calib/index.js";
import { ConvoptError, type Model } from "../ir/index.js";
import { inferFacts, modelCost, perSample } from "../measure/index.js";
import type { Report } from "../report/index.js";
import { shapesOfData } from "./data.js";
import { layerMilliseconds, type LayerMillisecondsOptions } from "./layer-milliseconds.js";
import { errorProfile } from "./error-profile.js";
import { networkOf } from "./network-of.js";
import type { EngineOptions, RunControl } from "./options.js";
import { picturesOf } from "./pictures.js";

/** MACs that the float64 runs of an error profile may take: three runs a sample, four samples at most. */
const affordableMacs = 3e10;

export interface DetailOptions extends RunControl, EngineOptions {
  /** False where nothing can run the models: their structure is all there is then. */
  readonly runs?: boolean;
  /** A report whose layers are to be timed in both models. */
  readonly timed?: Pick<Report, "layers" | "latencyMs"> | null;
  /** Full shapes of inputs by name, for the times. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

/**
 * What a report file shows besides the figures: the network's structure, the error along its depth and pictures, from
 * the judged images. What can't be had is left out with a warning.
 */
export async function reportDetails(
  original: Model,
  written: Model,
  data: DataSet,
  options: DetailOptions = {},
): Promise<Pick<Report, "milliseconds" | "network" | "profile" | "pictures">> {
  if (options.runs === false) return { network: networkOf(original) };
  const { judged } = splitImages(data.count, options.seed ?? 0);
  const images = judged.length > 0 ? judged : Int32Array.from({ length: data.count }, (_, i) => i);
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConvoptError)) throw error;
      options.onWarning?.(`the report is without ${what}: ${error.message}`);
      return null;
    }
  };
  const shapes = shapesOfData(data, original);
  const { macs } = modelCost(original, perSample(inferFacts(original, { shapes })));
  const timing: LayerMillisecondsOptions = {
    ...options,
    shapes: new Map([...shapes, ...(options.shapes ?? [])]),
  };
  const samples = macs === null ? 0 : Math.min(4, Math.floor(affordableMacs / Math.max(1, 3 * macs)));
  const profile =
    samples > 0
      ? await attempt("its error profile", () =>
          errorProfile(original, written, data, { ...options, samples, images }),
        )
      : null;
  const { timed } = options;
  const milliseconds = timed
    ? await attempt("its layers' milliseconds", () => layerMilliseconds(original, written, timed, timing))
    : null;
  const pictures = await attempt("pictures", () => picturesOf(original, written, data, images, options));
  return {
    network: networkOf(original),
    ...(milliseconds ? { milliseconds } : {}),
    ...(profile ? { profile } : {}),
    ...(pictures && pictures.length > 0 ? { pictures } : {}),
  };
}
