import { describe, expect, it } from "vitest";
import { agreementHolds } from "../../src/api/quality-budget.js";
import { seededRandom, type Random } from "../../src/linalg/index.js";

/** Share of `images` that agree, each with probability `truth`. */
function draw(random: Random, truth: number, images: number): number {
  let agreed = 0;
  for (let i = 0; i < images; i++) if (random.uniform() < truth) agreed++;
  return agreed / images;
}

describe("the guard of an agreement", () => {
  it.each([
    [256, 256],
    [1280, 256],
    [2560, 512],
  ])("that lets a model pass on %i images is kept on %i others but for rare bad luck", (images, judged) => {
    const random = seededRandom(7);
    const limit = 0.95;
    for (const truth of [0.95, 0.96, 0.97, 0.98]) {
      let [passed, missed] = [0, 0];
      for (let round = 0; round < 1500; round++) {
        if (!agreementHolds(draw(random, truth, images), limit, images, judged)) continue;
        passed++;
        if (draw(random, truth, judged) < limit) missed++;
      }
      // Where the truth lies at the limit, hardly anything may pass at all.
      if (truth === limit) expect(passed / 1500).toBeLessThan(0.12);
      else expect(missed / 1500, `${truth}`).toBeLessThan(0.06);
    }
  });

  it("asks for no more than half of what the budget allows, however few images there are", () => {
    expect(agreementHolds(0.96, 0.9, 16, 32)).toBe(true);
    expect(agreementHolds(0.94, 0.9, 16, 32)).toBe(false);
    expect(agreementHolds(0.9, 0.9, 1e9, 1e9)).toBe(false);
    expect(agreementHolds(1, 1, 16, 32)).toBe(true);
    expect(agreementHolds(0.999, 1, 1000, 1000)).toBe(false);
  });
});
