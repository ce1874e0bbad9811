import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { loadData, parsePreprocess, type DataInput } from "../../src/calib/index.js";
import { IoError, ModelError } from "../../src/ir/index.js";
import { encodePng } from "../../src/api/png.js";
import { loadImages } from "../../src/calib/images.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "convopt-images-"));
  for (const name of ["b.png", "a.JPG", "c.png", "notes.txt"]) await writeFile(join(folder, name), name);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.doUnmock("sharp"));

const input: DataInput = { name: "x", type: { dtype: "float32", shape: ["N", 3, 2, 2] } };

/** Stands in for sharp: an image of one colour per file, 6 wide and 4 high, with an alpha channel. */
function fakeSharp(calls: string[], size: (name: string) => [number, number] = () => [6, 4]) {
  return (path: string) => {
    const name = basename(path);
    let [width, height] = size(name);
    let channels = 4;
    const image = {
      metadata: async () => ({ width, height }),
      resize: (w: number, h: number) => {
        calls.push(`${name} resize ${w}x${h}`);
        [width, height] = [w, h];
        return image;
      },
      extract: (r: { left: number; top: number; width: number; height: number }) => {
        calls.push(`${name} extract ${r.left},${r.top} ${r.width}x${r.height}`);
        [width, height] = [r.width, r.height];
        return image;
      },
      toColourspace: () => image,
      removeAlpha: () => {
        channels = 3;
        return image;
      },
      ensureAlpha: () => image,
      raw: () => image,
      toBuffer: async () => {
        if (name === "c.png" && calls.includes("damage")) throw new Error("bad image\nmore");
        const data = new Uint8Array(width * height * channels);
        for (let i = 0; i < data.length; i++) data[i] = name.charCodeAt(0) + (i % channels);
        return { data, info: { width, height, channels } };
      },
    };
    return image;
  };
}

describe("folders of images", () => {
  it("are read by sharp itself: pixels of PNG files as they are, grey ones as RGB, cut to what the model wants", async () => {
    const own = await mkdtemp(join(folder, "png-"));
    const pixels = Uint8Array.from({ length: 4 * 5 * 3 }, (_, i) => (i * 37) % 256);
    const grey = Uint8Array.from({ length: 4 * 5 }, (_, i) => 12 * i);
    await writeFile(join(own, "1.png"), encodePng(pixels, 5, 4, 3));
    await writeFile(join(own, "2.png"), encodePng(grey, 5, 4, 1));
    const scale = 1 / 255;
    const shape = ["N", 3, 4, 5];
    const set = await loadData(own, [{ name: "x", type: { dtype: "float32", shape } }], {
      preprocess: parsePreprocess({ scale }),
    });
    const values = set.arrays.get("x")!.batch([0, 1]);
    expect(values.dims).toEqual([2, 3, 4, 5]);
    const at = (image: number, channel: number, pixel: number): number =>
      values.numbers[(image * 3 + channel) * 20 + pixel]!;
    for (let pixel = 0; pixel < 20; pixel++)
      for (let c = 0; c < 3; c++) {
        expect(at(0, c, pixel)).toBeCloseTo(pixels[3 * pixel + c]! * scale, 4);
        expect(at(1, c, pixel)).toBeCloseTo(grey[pixel]! * scale, 4);
      }
  });

  it("are read in the order of their names, resized and cropped, channels brought to the front", async () => {
    const calls: string[] = [];
    vi.doMock("sharp", () => ({ default: fakeSharp(calls) }));
    const preprocess = parsePreprocess({ resize: 3, crop: 2, mean: [97, 98, 99] });
    const set = await loadData(folder, [input], { preprocess });
    expect(set.count).toBe(3);
    const batch = set.arrays.get("x")!.batch([0, 1, 2]);
    expect(batch.dims).toEqual([3, 3, 2, 2]);
    expect(Array.from(batch.numbers)).toEqual([0, 1, 2].flatMap((n) => new Array<number>(12).fill(n)));
    expect(calls.slice(0, 2)).toEqual(["a.JPG resize 4x3", "a.JPG extract 1,1 2x2"]);
    expect((await loadData(folder, [input], { preprocess, limit: 2 })).count).toBe(2);
  });

  it("must be of one size", async () => {
    vi.doMock("sharp", () => ({ default: fakeSharp([], (name) => (name === "b.png" ? [7, 4] : [6, 4])) }));
    await expect(loadImages(folder, { resize: null, crop: null, channels: 3 })).rejects.toThrow(
      /4×7.*4×6.*b\.png.*crop/,
    );
  });

  it("name the image that is damaged or too small", async () => {
    vi.doMock("sharp", () => ({ default: fakeSharp(["damage"]) }));
    const failure = loadImages(folder, { resize: null, crop: null, channels: 3 });
    await expect(failure).rejects.toThrow(ModelError);
    await expect(failure).rejects.toThrow(/bad image \(.*c\.png\)/);
    await expect(loadImages(folder, { resize: null, crop: 5, channels: 3 })).rejects.toThrow(/cropped/);
  });

  it("need a preprocess, a single input and images", async () => {
    await expect(loadData(folder, [input])).rejects.toThrow(/--preprocess/);
    const preprocess = parsePreprocess({});
    await expect(loadData(folder, [input, { ...input, name: "y" }], { preprocess })).rejects.toThrow(
      /single input/,
    );
    const empty = await mkdtemp(join(folder, "empty-"));
    await expect(loadData(empty, [input], { preprocess })).rejects.toThrow(/no images/);
    await expect(loadImages(join(folder, "none"), { resize: null, crop: null, channels: 3 })).rejects.toThrow(
      IoError,
    );
  });

  it("say how to install sharp when it is missing", async () => {
    vi.doMock("sharp", () => {
      throw new Error("not found");
    });
    await expect(loadImages(folder, { resize: null, crop: null, channels: 3 })).rejects.toThrow(
      expect.objectContaining({
        code: "E_SHARP",
        exitCode: 2,
        hint: expect.stringContaining("npm install sharp"),
      }),
    );
  });
});
