import { describe, expect, it } from "vitest";
import { stayingChannels } from "../../src/engine/index.js";

describe("channels that stay", () => {
  it.each([
    [64, 62, 64],
    [64, 48, 48],
    [64, 33, 48],
    [64, 31, 32],
    [64, 21, 21],
    [16, 11, 16],
    [16, 10, 10],
    [30, 29, 29],
    [16, 16, 16],
  ])("of %i, where %i are needed, are %i", (all, alive, left) => {
    expect(stayingChannels(all, alive)).toBe(left);
  });
});
