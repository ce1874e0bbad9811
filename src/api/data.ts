import {
  dataSetOf,
  loadData as readData,
  loadPreprocess,
  seededInput,
  type DataSet,
} from "../calib/index.js";
import { sampleAxis, type Model, type Tensor } from "../ir/index.js";
import { bindInputShapes } from "../measure/index.js";
import type { Calibration } from "./options.js";
import { noiseSizes, probeShapes } from "./shape-probe.js";

export interface DataOptions {
  /** Path of a preprocessing file, for uint8 arrays and images. */
  readonly preprocess?: string;
  /** Use at most this many samples, from the start. */
  readonly limit?: number;
}

/**
 * Reads data for a model's inputs: `.npz` keyed by input name (a single array fits a single input), `.npy`, or a folder
 * of images. Throws an IoError when it cannot be read and a ModelError when it does not fit the inputs.
 */
export async function loadData(path: string, model: Model, options: DataOptions = {}): Promise<DataSet> {
  const preprocess = options.preprocess === undefined ? null : await loadPreprocess(options.preprocess);
  return readData(path, model.graph.requiredInputs, {
    preprocess,
    outputs: model.graph.outputs,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
}

/** Arrays that are in memory already, by input name, as data for a model. */
export function loadDataOf(arrays: ReadonlyMap<string, Tensor>, model: Model): DataSet {
  return dataSetOf(arrays, model.graph.requiredInputs, { outputs: model.graph.outputs });
}

/** The calibration data of an optimization, read now if the option says how. */
export async function resolveCalibration(
  calibration: Calibration | undefined,
  model: Model,
): Promise<DataSet | null> {
  return typeof calibration === "function" ? calibration(model) : (calibration ?? null);
}

/** Full input shapes for costs that the data implies: its own dimensions behind a batch of one, or the model's batch. */
export function shapesOfData(data: DataSet, model: Model): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const [name, array] of data.arrays) {
    const first = model.graph.value(name)?.type?.shape?.[0];
    const batch = array.whole ? [] : [typeof first === "number" ? first : 1];
    shapes.set(name, [...batch, ...array.dims]);
  }
  return shapes;
}

export interface NoiseOptions {
  readonly data?: DataSet | null;
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  readonly seed?: number;
  /** Whether sizes may be made up for dimensions that nothing fixes. */
  readonly probe?: boolean;
}

/** The shapes that noise is made in: those given, and a small size where dimensions stay open and `probe` allows it. */
export function noiseShapes(
  model: Model,
  { data, shapes, probe }: NoiseOptions,
): ReadonlyMap<string, readonly number[]> {
  const given = shapes ?? new Map<string, readonly number[]>();
  const found = data || !probe ? null : probeShapes(model, given, { sizes: noiseSizes });
  return found ? new Map([...given, ...found.shapes]) : given;
}

/**
 * The given data, else `count` samples of seeded noise, which is said through `warn`. Throws a UsageError for shapes that
 * are no input's or not as the input is declared, with data too.
 */
export function dataOrNoise(
  model: Model,
  options: NoiseOptions,
  count: number,
  warn?: (text: string) => void,
): DataSet {
  const { symbols } = bindInputShapes(model.graph, options.shapes ?? new Map());
  if (options.data) return options.data;
  const inputs = model.graph.requiredInputs;
  const seed = options.seed ?? 0;
  const shapes = noiseShapes(model, options);
  if (inputs.length > 0) {
    const made = [...shapes].filter(([name]) => !options.shapes?.has(name));
    const sizes = made.map(([name, dims]) => `${name}=${dims.join("x")}`).join(", ");
    warn?.(
      `no data was given: the inputs are ${count} sample${count === 1 ? "" : "s"} of noise from seed ${seed}${sizes === "" ? "" : `, at ${sizes} because dimensions are symbolic; give --shape or data`}`,
    );
  }
  return seededInput(
    inputs,
    count,
    seed,
    ({ name, type }) =>
      shapes.get(name) ??
      type?.shape?.map((dim) => (typeof dim === "string" ? (symbols.get(dim) ?? dim) : dim)) ??
      null,
    sampleAxis(inputs, model.graph.outputs),
  );
}

/** Only these samples of a data set, in this order. */
export function selectSamples(data: DataSet, indices: ArrayLike<number>): DataSet {
  const arrays = [...data.arrays].map(
    ([name, array]) =>
      [
        name,
        {
          dims: array.dims,
          ...(array.whole ? { whole: true } : {}),
          batch: (chosen: ArrayLike<number>) => array.batch(Array.from(chosen, (i) => indices[i] ?? -1)),
        },
      ] as const,
  );
  return {
    count: indices.length,
    arrays: new Map(arrays),
    labels: data.labels ? Int32Array.from(indices, (i) => data.labels![i]!) : null,
    extra: new Map(),
  };
}
