import { isDeepStrictEqual } from "node:util";
import { dirname, isAbsolute, join } from "node:path";
import { stat } from "node:fs/promises";
import { ConvoptError, ModelError, UsageError, type Model } from "../ir/index.js";
import { certificateSchema, type Certificate, type CertificateCheck } from "../report/index.js";
import {
  hashRunData,
  measureCertificate,
  sealOf,
  type CertifiedRun,
  type CertifyOptions,
  type DataHashes,
} from "./certificate.js";
import { readTextFile } from "./file-access.js";
import { hashFile, hashText } from "./file-hashes.js";
import { load } from "./load.js";
import { leastLimit } from "./verify-limits.js";

export interface CheckOptions extends Omit<CertifyOptions, "seed"> {
  /** Where the data are on this machine; the certificate's own path by default, from here or from beside it. */
  readonly data?: string;
  readonly preprocess?: string;
  readonly labels?: string;
}

type Line = CertificateCheck["lines"][number];

/**
 * Measures again what a certificate says of two model files. Hashes, counts and choices have to be the same; errors may
 * be a factor of two apart either way once both are raised to the rounding floor (to 1e-12 for layers, which are
 * computed in float64), counts of images by one in a thousand, at least by one, PSNR by 6.02 dB. Times, paths and the
 * environment are not judged. Where a hash is wrong nothing is run. Throws a ModelError for a file that is no
 * certificate and IoErrors for files that can't be read.
 */
export async function checkCertificate(
  path: string,
  input: string,
  output: string,
  options: CheckOptions = {},
): Promise<CertificateCheck> {
  const text = await readTextFile(path);
  const json = parse(text, path);
  const seal = exactLine("/sha256", (json as { sha256?: unknown }).sha256, sealOf(json));
  const answer = (
    lines: readonly Line[],
    measured: boolean,
    notes: readonly string[] = [],
  ): CertificateCheck => ({
    schema: "convopt.certificate-check/1",
    certificate: { path, sha256: hashText(text) },
    confirmed: measured && lines.every(({ same }) => same),
    measured,
    lines: [...lines],
    notes: [...notes],
  });
  const parsed = certificateSchema.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path: at, message }) =>
      line(`/${at.join("/")}`, valueAt(json, at), message, "exact", false),
    );
    return answer([seal, ...issues], false);
  }
  const recorded = parsed.data;
  if (!isDeepStrictEqual(recorded, json)) {
    const extra = line("", "what its schema knows", "other entries too", "exact", false);
    return answer([seal, extra], false);
  }
  const run = await runOf(recorded, path, input, output, options);
  const hashes = await hashRunData(run);
  const hashLines = [seal, ...(await compareHashes(recorded, run, hashes))];
  if (hashLines.some(({ same }) => !same)) return answer(hashLines, false);
  const { allowExternal } = options;
  const loading = allowExternal ? { allowExternal } : {};
  const models: [Model, Model] = [await load(input, loading), await load(output, loading)];
  let found: Omit<Certificate, "sha256">;
  try {
    found = await measureCertificate(...models, hashes, run, { ...options, seed: recorded.data.seed ?? 0 });
  } catch (error) {
    // The files are those that were measured: a choice that no longer fits them was never measured.
    if (!(error instanceof ConvoptError) || error.exitCode > 3) throw error;
    return answer([...hashLines, line("/data", recorded.data.part, error.message, "exact", false)], true);
  }
  return answer([seal, ...compareCertificates(recorded, found)], true, notesOn(recorded, found));
}

function parse(text: string, path: string): object {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw notACertificate(path, "it is not JSON", cause);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json) || !("schema" in json)) {
    throw notACertificate(path, "it has no schema");
  }
  if (json.schema !== "convopt.certificate/1") {
    throw notACertificate(path, `its schema is ${JSON.stringify(json.schema)}`);
  }
  return json;
}

function notACertificate(path: string, why: string, cause?: unknown): ModelError {
  return new ModelError("E_CERTIFICATE", `the file is no certificate that can be checked: ${why}`, {
    where: { file: path },
    hint: "write one with optimize --certificate or verify --write-certificate",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What was run, with the places of the files on this machine. */
async function runOf(
  { data }: Certificate,
  path: string,
  input: string,
  output: string,
  options: CheckOptions,
): Promise<CertifiedRun> {
  const place = async (given: string | undefined, known: string | undefined): Promise<string | undefined> => {
    if (known === undefined) return undefined;
    if (given !== undefined) return given;
    const beside = isAbsolute(known) ? known : join(dirname(path), known);
    const there = async (file: string): Promise<boolean> => (await stat(file).catch(() => null)) !== null;
    if (await there(known)) return known;
    if (await there(beside)) return beside;
    throw new UsageError("E_CERTIFICATE_DATA", `the data ${JSON.stringify(known)} are not here`, {
      where: { file: path },
      hint: "say where they are with --data, --preprocess and --labels",
    });
  };
  const source = await place(options.data, data.path ?? undefined);
  const preprocess = await place(options.preprocess, data.preprocess?.path);
  const labels = await place(options.labels, data.labels?.path);
  return {
    input,
    output,
    data: source ?? null,
    ...(preprocess === undefined ? {} : { preprocess }),
    ...(labels === undefined ? {} : { labels }),
    part: data.part === "judged" ? "judged" : "first",
    limit: data.given,
    ...(data.part === "noise"
      ? { shapes: new Map(data.arrays.map(({ input: name, dims }) => [name, dims] as const)) }
      : {}),
  };
}

async function compareHashes(recorded: Certificate, run: CertifiedRun, hashes: DataHashes): Promise<Line[]> {
  const { input, output, data } = recorded;
  return [
    exactLine("/input/sha256", input.sha256, await hashFile(run.input)),
    exactLine("/output/sha256", output.sha256, await hashFile(run.output)),
    ...compare(data.files, hashes.files, "/data/files"),
    ...compare(data.preprocess?.sha256 ?? null, hashes.preprocess, "/data/preprocess/sha256"),
    ...compare(data.labels?.sha256 ?? null, hashes.labels, "/data/labels/sha256"),
  ];
}

/** Every entry that is judged, of both. */
function compareCertificates(recorded: Certificate, found: Omit<Certificate, "sha256">): Line[] {
  const judged = ({ input, output, data, costs, quality }: Omit<Certificate, "sha256">): unknown => ({
    input: { ...input, path: undefined },
    output: { ...output, path: undefined },
    data: {
      ...data,
      path: undefined,
      preprocess: data.preprocess?.sha256 ?? null,
      labels: data.labels?.sha256 ?? null,
    },
    costs,
    quality,
  });
  return compare(judged(recorded), judged(found), "", found.quality.roundingFloor ?? leastLimit);
}

/** One line per leaf of two values of one form; where the form differs, one line for the whole. */
function compare(recorded: unknown, found: unknown, at: string, floor = leastLimit): Line[] {
  if (isRecord(recorded) && isRecord(found)) {
    const keys = [...new Set([...Object.keys(recorded), ...Object.keys(found)])];
    return keys.flatMap((key) => compare(recorded[key], found[key], `${at}/${pointer(key)}`, floor));
  }
  if (Array.isArray(recorded) && Array.isArray(found) && recorded.length === found.length) {
    return recorded.flatMap((entry, i) => compare(entry, found[i], `${at}/${i}`, floor));
  }
  if (recorded === undefined && found === undefined) return [];
  if (typeof recorded !== "number" || typeof found !== "number") return [exactLine(at, recorded, found)];
  return [numberLine(at, recorded, found, floor)];
}

const errorNames = /\/(relativeError|localError|maxAbs|klDivergence|roundingFloor)$/;
const countNames = /\/(top[15]\/agreed|accuracy\/(input|output|onlyInput|onlyOutput))$/;
/** Layers are compared in float64, which is the same on every machine but for the last bits. */
const layerFloor = 1e-12;

function numberLine(at: string, recorded: number, found: number, floor: number): Line {
  if (errorNames.test(at)) {
    const own = /^\/quality\/layers\//.test(at) || at.endsWith("/roundingFloor") ? layerFloor : floor;
    const [x, y] = [Math.max(recorded, own), Math.max(found, own)];
    return line(at, recorded, found, "factor", x <= 2 * y && y <= 2 * x);
  }
  if (countNames.test(at)) {
    const within = Math.max(1, Math.round(Math.max(recorded, found) / 1000));
    return line(at, recorded, found, "count", Math.abs(recorded - found) <= within);
  }
  if (at.endsWith("/psnrDb")) {
    const ceiling = -20 * Math.log10(floor);
    const apart = Math.abs(Math.min(recorded, ceiling) - Math.min(found, ceiling));
    return line(at, recorded, found, "decibel", apart <= 20 * Math.log10(2) + 1e-9);
  }
  return exactLine(at, recorded, found);
}

function exactLine(at: string, recorded: unknown, found: unknown): Line {
  return line(at, recorded, found, "exact", isDeepStrictEqual(recorded, found));
}

function line(at: string, recorded: unknown, found: unknown, rule: Line["rule"], same: boolean): Line {
  const text = (value: unknown): string => JSON.stringify(value) ?? "nothing";
  return { line: at, recorded: text(recorded), found: text(found), rule, same };
}

function notesOn(recorded: Certificate, found: Omit<Certificate, "sha256">): string[] {
  const keys = Object.keys(found.environment) as (keyof Certificate["environment"])[];
  return keys
    .filter((key) => recorded.environment[key] !== found.environment[key])
    .map(
      (key) => `${key}: certified with ${recorded.environment[key]}, checked with ${found.environment[key]}`,
    );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    json,
  );
}

/** A key as RFC 6901 writes it. */
function pointer(key: string): string {
  return key.replace(/~/g, "~0").replace(/\//g, "~1");
}
