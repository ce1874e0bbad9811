import { createHash } from "node:crypto";
import { cpus } from "node:os";
import { loadLabels, splitImages, type DataSet } from "../calib/index.js";
import { UsageError, type Model } from "../ir/index.js";
import { inferFacts, modelCost, perSample } from "../measure/index.js";
import { externalFilesOf } from "../onnx/index.js";
import {
  canonicalJson,
  certificateStatement,
  type Certificate,
  type OutputComparison,
  type Verification,
} from "../report/index.js";
import { dataOrNoise, loadData, selectSamples, shapesOfData } from "./data.js";
import { hashData, hashFile, hashText, type HashedFile } from "./file-hashes.js";
import { load, type LoadOptions } from "./load.js";
import { roundingFloor } from "./noise-floor.js";
import type { EngineOptions, RunControl } from "./options.js";
import { verify } from "./verify.js";
import { version } from "./version.js";

/** The files and the choice of images that a certificate is about. */
export interface CertifiedRun {
  readonly input: string;
  readonly output: string;
  /** Data file or folder; null for seeded noise. */
  readonly data: string | null;
  readonly preprocess?: string;
  readonly labels?: string;
  /** "judged" is the part of the images that `optimize` judges on. */
  readonly part: "judged" | "first";
  /** Use the first images of the data only. */
  readonly limit?: number;
  /** Shapes of noise by input name. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

export interface CertifyOptions extends RunControl, EngineOptions, LoadOptions {}

/** Samples of noise where there are no data. */
const noiseSamples = 32;
/** MACs that the float64 runs of the layers may take: three runs a sample, four samples at most. */
const affordableMacs = 3e10;

/**
 * Measures two model files and ties the figures to their hashes. Everything is read from the files, so it says what is
 * there now. Throws a UsageError for a path that is not a file, IoErrors and ModelErrors for files that can't be used.
 */
export async function certify(run: CertifiedRun, options: CertifyOptions = {}): Promise<Certificate> {
  for (const path of [run.input, run.output, run.data, run.labels, run.preprocess]) {
    if (path !== "-") continue;
    throw new UsageError("E_CERTIFICATE", "a certificate is about files, not about a stream", {
      hint: "name the files",
    });
  }
  const loading: LoadOptions = options.allowExternal ? { allowExternal: options.allowExternal } : {};
  const [input, output] = [await load(run.input, loading), await load(run.output, loading)];
  const certificate = await measureCertificate(input, output, await hashRunData(run), run, options);
  return { ...certificate, sha256: sealOf(certificate) };
}

/** The hash that a certificate with these entries has to carry. */
export function sealOf(certificate: object): string {
  const { sha256: _, ...rest } = certificate as Certificate;
  return hashText(canonicalJson(rest));
}

/** Hashes of the files of data, before they are read. */
export interface DataHashes {
  readonly files: readonly HashedFile[];
  readonly preprocess: string | null;
  readonly labels: string | null;
}

export async function hashRunData({ data, preprocess, labels }: CertifiedRun): Promise<DataHashes> {
  return {
    files: data === null ? [] : await hashData(data),
    preprocess: preprocess === undefined ? null : await hashFile(preprocess),
    labels: labels === undefined ? null : await hashFile(labels),
  };
}

/** Everything of a certificate but its seal. */
export async function measureCertificate(
  input: Model,
  output: Model,
  hashes: DataHashes,
  run: CertifiedRun,
  options: CertifyOptions,
): Promise<Omit<Certificate, "sha256">> {
  const start = performance.now();
  const { data, labels, given, seed, hash } = await select(input, run, options.seed ?? 0);
  const costs = { input: costOf(input, data), output: costOf(output, data) };
  const { macs } = costs.input;
  const profiled = macs === null ? 0 : Math.min(4, Math.floor(affordableMacs / Math.max(1, 3 * macs)));
  const found = await verify(input, output, {
    ...options,
    data,
    labels,
    maxError: Number.MAX_VALUE,
    ...(profiled > 0 ? { layers: true, profileSamples: profiled } : {}),
  });
  return {
    schema: "convopt.certificate/1",
    statement: certificateStatement,
    input: await modelEntry(input, run.input),
    output: await modelEntry(output, run.output),
    data: {
      path: run.data,
      files: [...hashes.files],
      preprocess: hashed(run.preprocess, hashes.preprocess),
      labels: hashed(run.labels, hashes.labels),
      part: run.data === null ? "noise" : run.part,
      seed,
      given,
      images: data.count,
      selection: hash,
      arrays: arrayEntries(data),
    },
    costs,
    quality: {
      roundingFloor: await roundingFloor(input, data, macs),
      outputs: found.outputs.map(outputEntry),
      accuracy: accuracyEntry(found),
      layers: found.profile,
    },
    environment: {
      convopt: version,
      engine: found.engine,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      processor: processorName(),
    },
    measuredMs: Math.round(performance.now() - start),
  };
}

interface Selection {
  readonly data: DataSet;
  readonly labels: Int32Array | null;
  readonly given: number;
  readonly seed: number | null;
  /** Of part, seed and indices, so that another seed is another selection even where it draws the same images. */
  readonly hash: string;
}

async function select(model: Model, run: CertifiedRun, seed: number): Promise<Selection> {
  if (run.data === null) {
    const shapes = run.shapes ? { shapes: oneRun(model, run.shapes) } : {};
    const data = dataOrNoise(model, { seed, ...shapes, probe: true }, run.limit ?? noiseSamples);
    const hash = hashText(canonicalJson(["noise", seed, data.count]));
    return { data, labels: null, given: data.count, seed, hash };
  }
  const { preprocess, limit } = run;
  const all = await loadData(run.data, model, {
    ...(preprocess === undefined ? {} : { preprocess }),
    // Labels are as many as the data.
    ...(limit === undefined || run.labels !== undefined ? {} : { limit }),
  });
  const labels = run.labels === undefined ? null : await loadLabels(run.labels, all.count);
  const given = Math.min(all.count, limit ?? Infinity);
  const { judged } = splitImages(given, seed);
  const drawn = run.part === "judged";
  const indices = drawn && judged.length > 0 ? judged : Int32Array.from({ length: given }, (_, i) => i);
  return {
    data: selectSamples(all, indices),
    labels: labels && Int32Array.from(indices, (i) => labels[i]!),
    given,
    seed: drawn ? seed : null,
    hash: hashText(canonicalJson([run.part, drawn ? seed : null, ...indices])),
  };
}

/** Shapes whose first axis counted samples as shapes of a run: models of a fixed batch see as many at once. */
function oneRun(
  model: Model,
  shapes: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  return new Map(
    [...shapes].map(([name, dims]) => {
      const batch = model.graph.value(name)?.type?.shape?.[0];
      return [name, typeof batch === "number" ? [batch, ...dims.slice(1)] : dims];
    }),
  );
}

function costOf(model: Model, data: DataSet): { macs: number | null; params: number } {
  const facts = inferFacts(model, { shapes: shapesOfData(data, model) });
  const { macs, params } = modelCost(model, perSample(facts));
  return { macs, params };
}

async function modelEntry(model: Model, path: string): Promise<Certificate["input"]> {
  const files = [...(externalFilesOf(model)?.paths ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  const external: Certificate["input"]["external"] = [];
  for (const [location, file] of files) external.push({ location, sha256: await hashFile(file) });
  return { path, bytes: model.file!.bytes, sha256: model.file!.sha256, external };
}

function hashed(path: string | undefined, sha256: string | null): { path: string; sha256: string } | null {
  return path === undefined || sha256 === null ? null : { path, sha256 };
}

/** Hashes of what is fed, image by image, so that the order counts. */
function arrayEntries(data: DataSet): Certificate["data"]["arrays"] {
  return [...data.arrays].map(([input, array]) => {
    const hash = createHash("sha256");
    for (let image = 0; image < data.count; image++) {
      const { data: values } = array.batch([image]);
      const numbers = Float64Array.from(values as ArrayLike<number | bigint>, Number);
      hash.update(littleEndian(numbers));
    }
    return { input, dims: [...(array.whole ? [] : [data.count]), ...array.dims], sha256: hash.digest("hex") };
  });
}

function littleEndian(numbers: Float64Array): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 8);
  const view = new DataView(bytes.buffer);
  numbers.forEach((x, i) => view.setFloat64(8 * i, x, true));
  return bytes;
}

function outputEntry(output: OutputComparison): Certificate["quality"]["outputs"][number] {
  const counts = (share: OutputComparison["top1"]): { agreed: number; total: number } | null =>
    share && { agreed: share.agreed, total: share.total };
  return {
    name: output.name,
    relativeError: output.relativeError,
    maxAbs: output.maxAbs.value,
    psnrDb: output.psnr?.db ?? null,
    klDivergence: output.klDivergence,
    top1: counts(output.top1),
    top5: counts(output.top5),
    nonFinite: {
      input: output.nonFinite.a,
      output: output.nonFinite.b,
      different: output.nonFinite.different,
    },
  };
}

function accuracyEntry({ accuracy }: Verification): Certificate["quality"]["accuracy"] {
  if (!accuracy) return null;
  const { a, b, mcnemar } = accuracy;
  return {
    input: a.agreed,
    output: b.agreed,
    onlyInput: mcnemar.onlyA,
    onlyOutput: mcnemar.onlyB,
    total: a.total,
  };
}

function processorName(): string {
  const [first] = cpus();
  return first ? `${first.model.trim()}, ${cpus().length} logical cores` : "unknown";
}
