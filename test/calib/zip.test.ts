import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpz, writeNpz } from "../../src/calib/index.js";
import { readZip, writeZip } from "../../src/calib/zip.js";
import { ModelError, Tensor } from "../../src/ir/index.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const sample = (store = false): Uint8Array =>
  writeZip(
    [
      ["a.npy", text("hello hello hello hello")],
      ["b.npy", new Uint8Array(0)],
    ],
    { store },
  );

/** Offset of the n-th record with this signature. */
function find(bytes: Uint8Array, signature: number, n = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; at++)
    if (view.getUint32(at, true) === signature && n-- === 0) return at;
  throw new Error("no such record");
}

const central = 0x02014b50;
const local = 0x04034b50;
const endOf = 0x06054b50;

function patched(bytes: Uint8Array, at: number, value: number, width: 16 | 32): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (width === 16) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

function expectRefused(bytes: Uint8Array, why: RegExp): void {
  const read = (): unknown => readZip(bytes, "x.npz").map((entry) => entry.read());
  expect(read).toThrow(ModelError);
  expect(read).toThrow(why);
}

describe("zip", () => {
  it("reads what it writes, stored and deflated, the same bytes each time", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.tuple(fc.string({ minLength: 1, unit: "grapheme" }), fc.uint8Array({ maxLength: 300 })),
          {
            selector: ([name]) => name,
          },
        ),
        fc.boolean(),
        (entries, store) => {
          const bytes = writeZip(entries, { store });
          expect(writeZip(entries, { store })).toEqual(bytes);
          const back = readZip(bytes);
          expect(back.map(({ name }) => name)).toEqual(entries.map(([name]) => name));
          back.forEach((entry, i) => expect(Array.from(entry.read())).toEqual(Array.from(entries[i]![1])));
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([true, false])("refuses damage (stored: %s)", (store) => {
    const bytes = sample(store);
    expectRefused(new Uint8Array(0), /not a zip/);
    expectRefused(new Uint8Array(22), /not a zip/);
    for (let cut = 1; cut < bytes.length; cut++) expectRefused(bytes.subarray(0, cut), /./);
    for (let cut = 1; cut < bytes.length - 22; cut += 7) expectRefused(bytes.subarray(cut), /./);
    const data = find(bytes, local) + 30 + 5;
    expectRefused(patched(bytes, data, bytes[data]! ^ 0x41, 16), /damaged/);
    expectRefused(patched(bytes, find(bytes, central) + 16, 1, 32), /checksum/);
    expectRefused(patched(bytes, find(bytes, central) + 24, 5, 32), /damaged/);
    expectRefused(patched(bytes, find(bytes, central) + 24, 5000, 32), /damaged/);
    expectRefused(patched(bytes, find(bytes, central) + 20, 0x7fffffff, 32), /cut off/);
    expectRefused(patched(bytes, find(bytes, central) + 42, 0x7fffffff, 32), /no header/);
    expectRefused(patched(bytes, find(bytes, central) + 42, 1, 32), /no header/);
  });

  it("refuses lies of the directory", () => {
    const bytes = sample();
    const end = find(bytes, endOf);
    expectRefused(patched(bytes, end + 10, 60000, 16), /not a zip/);
    expectRefused(patched(bytes, end + 10, 3, 16), /./);
    expectRefused(patched(bytes, end + 16, 0x7fffffff, 32), /not a zip/);
    expectRefused(patched(bytes, end + 12, 0x7fffffff, 32), /not a zip/);
    expectRefused(patched(bytes, find(bytes, central) + 28, 60000, 16), /directory/);
    expectRefused(patched(bytes, find(bytes, central) + 8, 1, 16), /encrypted/);
    expectRefused(patched(bytes, find(bytes, central) + 10, 12, 16), /method 12/);
    expectRefused(patched(bytes, find(bytes, central) + 24, 0xffffffff, 32), /more than/);
    expectRefused(
      writeZip([
        ["a", text("1")],
        ["a", text("2")],
      ]),
      /two entries/,
    );
  });

  it("refuses bombs before expanding them", () => {
    const zeros = new Uint8Array(64 * 2 ** 20);
    const bomb = writeZip([["a.npy", zeros]]);
    expect(bomb.length).toBeLessThan(200_000);
    expectRefused(bomb, /more than 200 times/);
    const many = writeZip(
      Array.from({ length: 8 }, (_, i) => [`${i}`, zeros.subarray(0, 8 * 2 ** 20)] as const),
    );
    expectRefused(many, /more than 200 times/);
    expect(() => readZip(sample(), undefined, { entries: 1 })).toThrow(/2 entries/);
    expect(() => readZip(sample(), undefined, { totalBytes: 10 })).toThrow(/more than 10 bytes/);
    // Data that inflate to more than the directory says stop at what it says.
    const hidden = patched(writeZip([["a", zeros.subarray(0, 2 ** 20)]]), 0, 0x4b50, 16);
    expectRefused(patched(hidden, find(hidden, central) + 24, 10, 32), /damaged/);
  });

  it("allows a small array that compresses well", () => {
    const labels = Tensor.of("int64", [5000], new BigInt64Array(5000));
    const bytes = writeNpz(new Map([["label", labels]]));
    expect(40_000 / bytes.length).toBeGreaterThan(100);
    expect(readNpz(bytes).get("label")!.data).toEqual(labels.data);
  });

  it("names file and array of an entry that is no array", () => {
    expect(() => readNpz(writeZip([["x.txt", text("1")]]), "d.npz")).toThrow(/x\.txt.*d\.npz/);
    expect(() => readNpz(writeZip([["x.npy", text("1")]]), "d.npz")).toThrow(
      expect.objectContaining({ code: "E_NPY", where: { file: "d.npz", tensor: "x" } }),
    );
  });

  it("throws nothing but a ModelError on damaged archives", () => {
    const original = writeNpz(
      new Map([
        ["x", Tensor.f32([2, 2], [1, 2, 3, 4])],
        ["y", Tensor.i64([1], [1])],
      ]),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }), (edits) => {
        const bytes = original.slice();
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        try {
          readNpz(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("is readable by what knows deflate", () => {
    const bytes = sample();
    const from = find(bytes, local) + 35;
    const packed = deflateRawSync(text("hello hello hello hello"));
    expect(bytes.subarray(from, from + packed.length)).toEqual(new Uint8Array(packed));
  });
});
