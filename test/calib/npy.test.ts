import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpy, readNpz, writeNpy } from "../../src/calib/index.js";
import { ConvoptError, ModelError, Tensor, type DType } from "../../src/ir/index.js";

interface Stored {
  readonly cases: readonly {
    readonly name: string;
    readonly npy: string;
    readonly dims: readonly number[];
    readonly values: readonly (number | string)[];
  }[];
  readonly refused: Readonly<Record<string, string>>;
  readonly archives: Readonly<Record<string, string>>;
}

const numpy = JSON.parse(readFileSync(new URL("./numpy-arrays.json", import.meta.url), "utf8")) as Stored;
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

function npyOf(header: string, data: Uint8Array = new Uint8Array(0), version = 1): Uint8Array {
  const text = Buffer.from(header);
  const head = Buffer.alloc(version === 1 ? 10 : 12);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) head.writeUInt16LE(text.length, 8);
  else head.writeUInt32LE(text.length, 8);
  return new Uint8Array(Buffer.concat([head, text, data]));
}

const headerOf = (descr: string, shape: string, order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

describe("readNpy", () => {
  for (const { name, npy, dims, values } of numpy.cases) {
    it(`reads what numpy writes: ${name}`, () => {
      const tensor = readNpy(bytesOf(npy));
      expect(tensor.dims).toEqual(dims);
      const got = Array.from(tensor.data as ArrayLike<number | bigint>);
      expect(got.map((x) => (typeof values[0] === "string" ? String(x) : x))).toEqual(values);
    });
  }

  for (const [name, npy] of Object.entries(numpy.refused)) {
    it(`refuses ${name}`, () => {
      expect(() => readNpy(bytesOf(npy), { file: "x.npy" })).toThrow(
        expect.objectContaining({ code: "E_NPY", exitCode: 3, where: { file: "x.npy" } }),
      );
    });
  }

  it.each([
    ["nothing", new Uint8Array(0)],
    ["no header", Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0)],
    ["another format", npyOf(headerOf("<f4", "(1,)"), new Uint8Array(4), 9)],
    ["a header that is cut off", npyOf(headerOf("<f4", "(1,)")).subarray(0, 40)],
    ["too little data", npyOf(headerOf("<f4", "(2,)"), new Uint8Array(7))],
    ["too much data", npyOf(headerOf("<f4", "(2,)"), new Uint8Array(9))],
    ["absurd sizes", npyOf(headerOf("<f4", "(4294967296, 4294967296, 4294967296)"))],
    ["a size beyond 2^53", npyOf(headerOf("<f4", "(99999999999999999999, 0)"))],
    ["a size that wraps to 0", npyOf(headerOf("|u1", "(4294967296, 4294967296)"))],
    ["a negative size", npyOf(headerOf("<f4", "(-1, 4)"), new Uint8Array(16))],
    ["two negative sizes", npyOf(headerOf("<f4", "(-2, -2)"), new Uint8Array(16))],
    ["a fractional size", npyOf(headerOf("<f4", "(1.5,)"), new Uint8Array(6))],
    ["too many axes", npyOf(headerOf("|u1", `(${"1, ".repeat(65)})`), new Uint8Array(1))],
    [
      "a key too many",
      npyOf("{'descr': '|u1', 'fortran_order': False, 'shape': (), 'x': True}", new Uint8Array(1)),
    ],
    [
      "a key twice",
      npyOf("{'descr': '|u1', 'descr': '<f8', 'fortran_order': False, 'shape': ()}", new Uint8Array(8)),
    ],
    ["a key missing", npyOf("{'descr': '|u1', 'shape': ()}", new Uint8Array(1))],
    ["code for a header", npyOf("__import__('os').system('true')", new Uint8Array(1))],
    ["a long double", npyOf(headerOf("<f16", "(1,)"), new Uint8Array(16))],
    ["a type without byte order", npyOf(headerOf("f4", "(1,)"), new Uint8Array(4))],
    ["a bool of 7", npyOf(headerOf("|b1", "(1,)"), Uint8Array.of(7))],
    ["a prototype's name as type", npyOf(headerOf("<constructor", "(1,)"), new Uint8Array(4))],
  ])("refuses %s", (_, bytes) => {
    expect(() => readNpy(bytes)).toThrow(ModelError);
  });

  it("refuses a header of 4 GiB without reading it", () => {
    const bytes = npyOf(headerOf("<f4", "(1,)"), new Uint8Array(4), 2);
    new DataView(bytes.buffer).setUint32(8, 0xffffffff, true);
    expect(() => readNpy(bytes)).toThrow(ModelError);
  });

  it("takes a header in time linear in its length", () => {
    const start = performance.now();
    for (const filler of [" ", "'", "(1,", "'a':", "\\"]) {
      expect(() => readNpy(npyOf(`{'descr': ${filler.repeat(60000 / filler.length)}`))).toThrow(ModelError);
    }
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it("throws nothing but a ModelError on damaged bytes", () => {
    const originals = numpy.cases.map(({ npy }) => bytesOf(npy));
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (which, edits, cut) => {
          const bytes = originals[which % originals.length]!.slice();
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          try {
            const tensor = readNpy(bytes.subarray(0, bytes.length - (cut % 3)));
            expect(tensor.data.length).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(ModelError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("writeNpy", () => {
  it("is read again as what it was", () => {
    const dtypes: DType[] = [
      "float32",
      "float64",
      "float16",
      "uint8",
      "int8",
      "int16",
      "uint16",
      "int32",
      "uint32",
      "bool",
    ];
    for (const dtype of dtypes) {
      for (const dims of [[], [3], [2, 3], [0, 4], [1, 2, 1, 3]]) {
        const tensor = Tensor.zeros(dtype, dims);
        tensor.numbers.forEach((_, i) => (tensor.numbers[i] = i % 2));
        const bytes = writeNpy(tensor);
        expect((bytes.length - tensor.bytes().length) % 64).toBe(0);
        const back = readNpy(bytes);
        expect([back.dtype, back.dims, back.data]).toEqual([dtype, dims, tensor.data]);
      }
    }
    const big = Tensor.i64([2], [-5n, 2n ** 62n]);
    expect(readNpy(writeNpy(big)).data).toEqual(big.data);
  });

  it("widens types that numpy lacks and refuses strings", () => {
    const half = Tensor.floats("bfloat16", [2], [1.5, -2]);
    expect(readNpy(writeNpy(half))).toMatchObject({ dtype: "float32", data: Float32Array.of(1.5, -2) });
    const nibbles = Tensor.of("int4", [3], Int8Array.of(-8, 0, 7));
    expect(readNpy(writeNpy(nibbles))).toMatchObject({ dtype: "int8", data: Int8Array.of(-8, 0, 7) });
    const exact = Tensor.of("float32", [1], Float64Array.of(0.1));
    expect(readNpy(writeNpy(exact)).data).toEqual(Float32Array.of(0.1));
    expect(() => writeNpy(Tensor.of("string", [1], ["a"]))).toThrow(ConvoptError);
  });
});

describe("readNpz", () => {
  for (const [name, archive] of Object.entries(numpy.archives)) {
    it(`reads numpy's archives: ${name}`, () => {
      const arrays = readNpz(bytesOf(archive));
      expect([...arrays.keys()]).toEqual(["input", "label"]);
      expect(arrays.get("input")!.dims).toEqual([2, 3, 4]);
      expect(arrays.get("label")!.data).toEqual(BigInt64Array.of(3n, 1n));
    });
  }
});
