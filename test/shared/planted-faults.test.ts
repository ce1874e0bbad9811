import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { optimizeFile } from "../../src/index.js";
import { root, scratchFolder } from "../cli/invoke.js";
import { judgeFaults, plantFaults, summarize, type JudgedFile } from "./planted-faults.js";
import { python } from "./shared-models.js";

const scratch = scratchFolder();

/** A sample of what bench/planted-faults.ts does at full size. */
describe.runIf(python !== null)("planted faults", () => {
  it("are found and named, and re-exports are not taken for any", async () => {
    const model = join(scratch, "model.onnx");
    await optimizeFile(join(root, "fixtures", "shapes20.onnx"), model, {});
    const planted = plantFaults({
      model,
      folder: join(scratch, "planted"),
      faults: 18,
      reexports: 10,
      inputs: 64,
      seed: 5,
    });
    const judged: JudgedFile[] = [];
    for await (const file of judgeFaults(model, planted)) judged.push(file);
    const { above, flagged, bisected, reexports, falseAlarms } = summarize(judged);
    expect(judged.filter(({ right }) => !right)).toEqual([]);
    expect(above).toBeGreaterThan(10);
    expect([flagged, bisected]).toEqual([above, above]);
    expect([reexports, falseAlarms]).toEqual([10, 0]);
  });
});
