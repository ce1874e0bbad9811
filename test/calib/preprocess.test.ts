import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadPreprocess, parsePreprocess } from "../../src/calib/index.js";
import { IoError, UsageError } from "../../src/ir/index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "convopt-preprocess-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("preprocess", () => {
  it("fills in the defaults", () => {
    expect(parsePreprocess({})).toEqual({
      scale: 1,
      mean: [0],
      std: [1],
      channels: "rgb",
      layout: "nchw",
      resize: null,
      crop: null,
    });
    expect(
      parsePreprocess({ comment: "x", mean: 1, std: [1, 2, 3], resize: 256, crop: [224, 200] }),
    ).toMatchObject({
      mean: [1],
      std: [1, 2, 3],
      resize: 256,
      crop: [224, 200],
    });
  });

  it.each<[string, unknown, RegExp]>([
    ["an unknown key", { scael: 1 }, /unknown preprocess key "scael".*did you mean "scale"/],
    ["an unknown key like no other", { gamma: 1, zzzzzzzz: 2 }, /"gamma"/],
    ["a prototype's key", JSON.parse('{"__proto__": {"scale": 2}}'), /__proto__/],
    ["a string for a number", { scale: "1/255" }, /scale/],
    ["a number that is none", { scale: NaN }, /scale/],
    ["a std of 0", { std: [1, 0, 1] }, /std/],
    ["no std", { std: [] }, /std/],
    ["counts that differ", { mean: [1, 2], std: [1, 2, 3] }, /mean has 2 channels and std has 3/],
    ["another channel order", { channels: "grb" }, /channels/],
    ["another layout", { layout: "NCHW" }, /layout/],
    ["a size of 0", { resize: 0 }, /resize/],
    ["a size with three axes", { crop: [1, 2, 3] }, /crop/],
    ["an array", [], /JSON object/],
    ["null", null, /JSON object/],
  ])("refuses %s", (_, json, message) => {
    expect(() => parsePreprocess(json, "p.json")).toThrow(UsageError);
    expect(() => parsePreprocess(json, "p.json")).toThrow(message);
  });

  it("reads files, with or without a byte order mark", async () => {
    const path = join(folder, "p.json");
    await writeFile(path, '\uFEFF{"scale": 2}');
    expect((await loadPreprocess(path)).scale).toBe(2);
    await writeFile(path, "{scale: 2}");
    await expect(loadPreprocess(path)).rejects.toThrow(UsageError);
    await expect(loadPreprocess(join(folder, "none.json"))).rejects.toThrow(IoError);
  });
});
