import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sealOf } from "../../src/api/certificate.js";
import {
  canonicalJson,
  certificateSchema,
  certify,
  checkCertificate,
  load,
  optimizeFile,
  save,
  Tensor,
  writeNpz,
  type Certificate,
  type CertificateCheck,
} from "../../src/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";
import { linearModel } from "./small-models.js";

const folder = scratchFolder();
const place = (name: string): string => join(folder, name);
const reference = { engine: "reference" } as const;
const random = seededRandom(7);
const normal = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());

/** A classifier, a worse one, 40 samples with labels. */
beforeAll(async () => {
  const weight = Array.from({ length: 6 }, () => [...normal(8)]);
  await save(linearModel(weight), place("a.onnx"));
  const off = weight.map((row) => row.map((x) => x + 0.05 * random.normal()));
  await save(linearModel(off, [0, 0.1, 0, 0, 0, 0]), place("b.onnx"));
  writeFileSync(place("x.npz"), writeNpz(new Map([["x", Tensor.f32([40, 8], normal(320))]])));
  const labels = BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i % 6));
  writeFileSync(place("y.npz"), writeNpz(new Map([["label", Tensor.of("int64", [40], labels)]])));
});

const run = { input: place("a.onnx"), output: place("b.onnx"), data: place("x.npz") };
const write = (certificate: object, name = "c.json"): string => {
  writeFileSync(place(name), JSON.stringify(certificate));
  return place(name);
};
const check = (path: string, input = run.input, output = run.output): Promise<CertificateCheck> =>
  checkCertificate(path, input, output, reference);
const wrong = ({ lines }: CertificateCheck): string[] =>
  lines.filter(({ same }) => !same).map(({ line }) => line);

describe("a certificate", () => {
  it("is what its schema says, sealed with the hash of its canonical JSON, and confirmed", async () => {
    const labels = place("y.npz");
    const certificate = await certify({ ...run, labels, part: "judged" }, { ...reference, seed: 3 });
    expect(certificateSchema.parse(certificate)).toEqual(certificate);
    expect(certificate.sha256).toBe(sealOf(certificate));
    expect(certificate.data).toMatchObject({ part: "judged", seed: 3, given: 40, images: 10 });
    expect(certificate.quality.accuracy!.total).toBe(10);
    expect(certificate.statement).toContain("not a signature");
    const result = await check(write(certificate));
    expect([wrong(result), result.confirmed, result.measured]).toEqual([[], true, true]);
  });

  it("holds without data, on noise of its seed", async () => {
    const noise = { ...run, data: null, part: "first", limit: 5 } as const;
    const certificate = await certify(noise, { ...reference, seed: 2 });
    expect(certificate.data).toMatchObject({ path: null, files: [], part: "noise", seed: 2, images: 5 });
    expect((await check(write(certificate))).confirmed).toBe(true);
  });

  it("is denied when any byte of a model or of the data changes", async () => {
    const path = write(await certify({ ...run, labels: place("y.npz"), part: "first" }, reference));
    for (const name of ["a.onnx", "b.onnx", "x.npz", "y.npz"]) {
      const bytes = readFileSync(place(name));
      for (let i = 0; i < 25; i++) {
        const changed = Buffer.from(bytes);
        const at = random.integer(bytes.length);
        changed[at]! ^= 1 << random.integer(8);
        writeFileSync(place(name), changed);
        const result = await check(path);
        expect([result.confirmed, result.measured, wrong(result).length], `${name}, byte ${at}`).toEqual([
          false,
          false,
          1,
        ]);
      }
      writeFileSync(place(name), bytes);
    }
    appendFileSync(place("x.npz"), "\0");
    expect((await check(path)).confirmed).toBe(false);
    writeFileSync(place("x.npz"), readFileSync(place("x.npz")).subarray(0, -1));
    expect((await check(path)).confirmed).toBe(true);
  });

  it("is denied when any byte of its own changes", async () => {
    const path = write(await certify({ ...run, part: "first" }, reference));
    const text = readFileSync(path);
    const original = canonicalJson(JSON.parse(text.toString()));
    for (let i = 0; i < 60; i++) {
      const changed = Buffer.from(text);
      changed[random.integer(text.length)]! ^= 1 << random.integer(8);
      writeFileSync(path, changed);
      const confirmed = await check(path).then(
        (result) => result.confirmed,
        // What is no certificate any more is refused.
        () => false,
      );
      let same = false;
      try {
        // A digit that no double shows changes nothing.
        same = canonicalJson(JSON.parse(changed.toString())) === original;
      } catch {
        same = false;
      }
      expect(confirmed, changed.toString()).toBe(same);
    }
  });

  it("is denied for every number beyond its tolerance, also when the hash is made anew", async () => {
    const labels = place("y.npz");
    const certificate = await certify({ ...run, labels, part: "judged" }, { ...reference, seed: 1 });
    const numbers = pathsOf(certificate);
    expect(numbers.length).toBeGreaterThan(30);
    for (const path of numbers) {
      for (const change of [(x: number) => 3 * x + 3, (x: number) => -1 - x, (x: number) => x / 3 - 2e-6]) {
        const copy = structuredClone(certificate) as Certificate;
        setAt(copy, path, change);
        if (copy.data.seed !== null && !Number.isInteger(copy.data.seed)) continue;
        const result = await check(write({ ...copy, sha256: sealOf(copy) }));
        expect(result.confirmed, `${path.join("/")} ${String(valueAt(copy, path))}`).toBe(
          path[0] === "measuredMs" && valueAt(copy, path) >= 0,
        );
      }
    }
  });

  it("is denied for another text, a hash or an entry that it doesn't know, hash made anew", async () => {
    const certificate = await certify({ ...run, part: "first" }, reference);
    const deny = async (change: (copy: Certificate & { more?: number }) => void): Promise<string[]> => {
      const copy = structuredClone(certificate);
      change(copy);
      const result = await check(write({ ...copy, sha256: sealOf(copy) }));
      expect(result.confirmed).toBe(false);
      return wrong(result);
    };
    expect(await deny((copy) => (copy.input.sha256 = "0".repeat(64)))).toEqual(["/input/sha256"]);
    expect(await deny((copy) => (copy.data.files[0]!.sha256 = "0".repeat(64)))).toEqual([
      "/data/files/0/sha256",
    ]);
    expect(await deny((copy) => (copy.quality.outputs[0]!.name = "z"))).toEqual(["/quality/outputs/0/name"]);
    expect(await deny((copy) => (copy.statement = "trust me" as never))).toEqual(["/statement"]);
    expect(await deny((copy) => (copy.more = 1))).toEqual([""]);
    expect(await deny((copy) => (copy.quality.outputs = []))).toEqual(["/quality/outputs"]);
  });

  it("lets errors be a factor of two apart, and anything below the rounding floor", async () => {
    const certificate = await certify({ ...run, part: "first" }, reference);
    const confirmed = async (change: (copy: Certificate) => void): Promise<boolean> => {
      const copy = structuredClone(certificate);
      change(copy);
      return (await check(write({ ...copy, sha256: sealOf(copy) }))).confirmed;
    };
    const [output] = certificate.quality.outputs;
    const error = output!.relativeError!;
    for (const factor of [0.51, 1.99]) {
      expect(await confirmed((copy) => (copy.quality.outputs[0]!.relativeError = factor * error))).toBe(true);
    }
    for (const factor of [0.49, 2.01]) {
      expect(await confirmed((copy) => (copy.quality.outputs[0]!.relativeError = factor * error))).toBe(
        false,
      );
    }
    expect(await confirmed((copy) => (copy.environment.node = "v0"))).toBe(true);
    expect(await confirmed((copy) => (copy.measuredMs = 1e9))).toBe(true);
    const same = await certify({ ...run, output: run.input, part: "first" }, reference);
    same.quality.outputs[0]!.relativeError = 3e-8;
    same.quality.outputs[0]!.relativeError = Math.min(3e-8, same.quality.roundingFloor!);
    const path = write({ ...same, sha256: sealOf(same) });
    expect((await check(path, run.input, run.input)).confirmed).toBe(true);
  });

  it("finds the data beside itself, or where it is told", async () => {
    mkdirSync(place("moved"));
    for (const name of ["a.onnx", "b.onnx", "x.npz"]) cpSync(place(name), place(`moved/${name}`));
    const certificate = await certify({ ...run, part: "first" }, reference);
    certificate.data.path = "x.npz";
    const path = write({ ...certificate, sha256: sealOf(certificate) }, "moved/c.json");
    const models = [place("moved/a.onnx"), place("moved/b.onnx")] as const;
    expect((await check(path, ...models)).confirmed).toBe(true);
    certificate.data.path = "elsewhere.npz";
    const lost = write({ ...certificate, sha256: sealOf(certificate) });
    await expect(check(lost, ...models)).rejects.toMatchObject({ code: "E_CERTIFICATE_DATA", exitCode: 2 });
    const told = await checkCertificate(lost, ...models, { ...reference, data: run.data });
    expect(told.confirmed).toBe(true);
  });

  it("covers external data", async () => {
    mkdirSync(place("external"));
    for (const name of ["model.onnx", "weights.bin"])
      cpSync(join(graph("external-data/model"), "..", name), place(`external/${name}`));
    const input = place("external/model.onnx");
    const model = await load(input);
    await save(model, place("external/other.onnx"));
    const about = { input, output: place("external/other.onnx"), data: null, part: "first" } as const;
    const certificate = await certify(about, reference);
    expect(certificate.input.external).toHaveLength(1);
    const path = write(certificate);
    expect((await check(path, input, about.output)).confirmed).toBe(true);
    const bytes = readFileSync(place("external/weights.bin"));
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(place("external/weights.bin"), bytes);
    const result = await check(path, input, about.output);
    expect(wrong(result)).toContain("/input/external/0/sha256");
  });

  it("is refused when it is none", async () => {
    writeFileSync(place("none.json"), "{");
    await expect(check(place("none.json"))).rejects.toMatchObject({ code: "E_CERTIFICATE", exitCode: 3 });
    await expect(check(write({ schema: "convopt.report/1" }))).rejects.toMatchObject({
      code: "E_CERTIFICATE",
    });
    await expect(check(place("missing.json"))).rejects.toMatchObject({ exitCode: 4 });
  });
});

describe("the command line", () => {
  it("writes one with optimize and confirms or denies it with verify", async () => {
    const [input, output, path] = [graph("conv-bn-relu"), place("o.onnx"), place("o.json")];
    const engine = ["--engine", "reference"];
    const done = await invoke(["optimize", input, output, "--certificate", path, "--quiet", ...engine]);
    expect(done.code, done.stderr).toBe(0);
    const certificate = certificateSchema.parse(JSON.parse(readFileSync(path, "utf8")));
    expect(certificate.quality.layers!.layers.length).toBeGreaterThan(0);
    const again = ["verify", input, output, "--certificate", path, ...engine];
    const good = await invoke(again);
    expect([good.code, good.stdout.split("\n")[0]]).toEqual([
      0,
      expect.stringMatching(/^Confirmed: all \d+ lines/),
    ]);
    const json = JSON.parse((await invoke([...again, "--json"])).stdout) as CertificateCheck;
    expect(json).toMatchObject({ schema: "convopt.certificate-check/1", confirmed: true });
    appendFileSync(output, "\0");
    const bad = await invoke(again);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/^\/output\/sha256 /m);
    expect(bad.stdout).toContain("DENIED: 1 of");
    expect(bad.stdout).toContain("not a signature");
  });

  it("writes one with verify", async () => {
    const path = place("v.json");
    const args = ["verify", run.input, run.output, "--data", run.data, "--engine", "reference"];
    const limits = ["--max-error", "1", "--limit", "12", "--write-certificate", path];
    expect((await invoke([...args, ...limits])).code).toBe(0);
    expect(
      (await invoke(["verify", run.input, run.output, "--certificate", path, ...args.slice(5)])).code,
    ).toBe(0);
  });

  it("refuses what doesn't go together", async () => {
    const inPlace = ["optimize", run.input, run.input, "--certificate", place("p.json")];
    expect((await invoke(inPlace)).stderr).toContain("E_CERTIFICATE");
    expect((await invoke(["optimize", run.input, "-", "--certificate", place("p.json")])).code).toBe(2);
    const limits = ["verify", run.input, run.output, "--certificate", "c.json", "--max-error", "1"];
    expect((await invoke(limits)).code).toBe(2);
  });

  it("ties what optimizeFile writes in the library as well", async () => {
    const output = place("lib.onnx");
    await optimizeFile(run.input, output, reference);
    const certificate = await certify({ ...run, output, part: "judged" }, reference);
    expect((await check(write(certificate), run.input, output)).confirmed).toBe(true);
  });
});

describe("canonical JSON", () => {
  it("sorts keys by code units and writes numbers as RFC 8785 does", () => {
    // The RFC's own example, section 3.2.2 and 3.2.3.
    const value = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
    expect(Object.values(JSON.parse(canonicalJson(keys).replace(/"1":4/, '"x1":4')) as object)).toEqual([
      2, 4, 6, 7, 1, 5, 3,
    ]);
  });
});

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value === "number") return [at];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => pathsOf(entry, [...at, key]));
}

function valueAt(value: unknown, path: Path): number {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value) as number;
}

function setAt(value: unknown, path: Path, change: (x: number) => number): void {
  const holder = path
    .slice(0, -1)
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value);
  const key = path.at(-1)!;
  (holder as Record<string | number, number>)[key] = change(valueAt(value, path));
}
