import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closest, didYouMean } from "../../src/index.js";
import { editDistance } from "../../src/api/suggest.js";

describe("suggestions", () => {
  it.each([
    ["optimise", ["optimize", "inspect", "explain"], "optimize"],
    ["keepMac", ["keepMacs", "keepParams", "maxError"], "keepMacs"],
    ["conv_1", ["/features/conv_1/Conv", "/classifier/Gemm"], "/features/conv_1/Conv"],
    ["layer1/conv", ["/layer2/conv/Conv", "/layer1/layer1.0/conv1/Conv"], "/layer1/layer1.0/conv1/Conv"],
    ["INSPECT", ["inspect"], "inspect"],
  ])("for %s", (word, candidates, first) => {
    expect(closest(word, candidates)[0]).toBe(first);
  });

  it("are none where nothing is near, and three at most", () => {
    expect(closest("xyzzy", ["optimize", "inspect"])).toEqual([]);
    expect(didYouMean("xyzzy", ["optimize"])).toBeNull();
    expect(closest("conv", ["conv1", "conv2", "conv3", "conv4"])).toEqual(["conv1", "conv2", "conv3"]);
  });

  it("rest on a distance that is one: zero only for equals, symmetric, within bounds", () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
  });
});
