import { describe, expect, it } from "vitest";
import { encodeNarrowFloat, narrowFloatTable, type DType } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { runPeer } from "./peers.js";

type Answer = Record<string, { table: (number | string)[]; codes: number[] }>;

describe("narrow floats as ml_dtypes has them", () => {
  const random = seededRandom(8);
  const numbers = Array.from({ length: 4000 }, () =>
    Math.fround(random.normal() * 2 ** random.uniform(-30, 17)),
  );
  for (let exponent = -30; exponent < 20; exponent++)
    numbers.push(1.5 * 2 ** exponent, -1.25 * 2 ** exponent, 1.75 * 2 ** exponent);
  const answer = runPeer("narrow_floats.py", { numbers }) as Answer;

  it.each(Object.keys(answer))("%s", (name) => {
    const dtype = name as DType;
    const { table, codes } = answer[name]!;
    const expected = table.map((value) =>
      typeof value === "number" ? value : Number(value.replace("inf", "Infinity")),
    );
    expect([...narrowFloatTable(dtype)].findIndex((value, code) => !Object.is(value, expected[code]))).toBe(
      -1,
    );
    const wrong = numbers
      .map((number, i) => ({ number, ours: encodeNarrowFloat(number, dtype), theirs: codes[i]! }))
      .filter(
        ({ ours, theirs }) => !Object.is(narrowFloatTable(dtype)[ours], narrowFloatTable(dtype)[theirs]),
      )
      // Without a NaN, what becomes of what is too big or, for e8m0, negative or zero is the format's own choice.
      .filter(({ number }) => dtype !== "float8e8m0" || number > 0);
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});
