import { describe, expect, it } from "vitest";
import pointwiseShortcut from "../../passes/pointwise-shortcut.js";
import { attr, Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, macsOf, model, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

const ends = Number.MAX_SAFE_INTEGER;

function slice(
  b: GraphBuilder,
  x: Value,
  axes: number[],
  steps: number[],
  starts = axes.map(() => 0),
  to = axes.map(() => ends),
): Value {
  const [s, e, a, p] = [starts, to, axes, steps].map((values, i) =>
    b.initializer(`${x.name}.${"seap"[i]}${axes.join("")}`, Tensor.i64([values.length], values)),
  );
  return b.op("Slice", [x, s!, e!, a!, p!]);
}

function pad(b: GraphBuilder, x: Value, before: number, behind: number, more = {}, rank = 4): Value {
  const pads = new Array<number>(2 * rank).fill(0);
  [pads[1], pads[rank + 1]] = [before, behind];
  return b.op("Pad", [x, b.initializer(`${x.name}.pads`, Tensor.i64([2 * rank], pads))], more, {
    name: "pad",
  });
}

/** The network x → what `build` makes of it, rewritten. */
function rewritten(build: (b: GraphBuilder, x: Value) => Value, shape: (number | string)[] = ["N", 3, 7, 8]) {
  return runPasses(
    model((b) => b.output(build(b, b.input("x", f64(...shape))))),
    [pointwiseShortcut],
    { raisesMacs: true },
  );
}

describe("fires", () => {
  it.each([
    ["one Slice on both axes", (b: GraphBuilder, x: Value) => pad(b, slice(b, x, [2, 3], [2, 3]), 2, 1)],
    [
      "two Slices, negative axes",
      (b: GraphBuilder, x: Value) => pad(b, slice(b, slice(b, x, [-1], [2]), [-2], [2]), 0, 3),
    ],
    [
      "Slices of one axis after another",
      (b: GraphBuilder, x: Value) => pad(b, slice(b, slice(b, x, [2], [2]), [2], [2]), 1, 0),
    ],
    ["no zero channels at all", (b: GraphBuilder, x: Value) => pad(b, slice(b, x, [3], [4]), 0, 0)],
    ["ends at the very size", (b: GraphBuilder, x: Value) => pad(b, slice(b, x, [2], [2], [0], [7]), 1, 1)],
  ])("on %s", (_, build) => {
    const out = rewritten(build);
    expect(opsOf(out.after)).toEqual(["Conv"]);
    expect(out.error).toBe(0);
    expect(macsOf(out.after)).toBeGreaterThan(0);
  });

  it("in one dimension, and with attributes in place of inputs", () => {
    const line = rewritten((b, x) => pad(b, slice(b, x, [2], [2]), 1, 2, {}, 3), [2, 3, 9]);
    expect(opsOf(line.after)).toEqual(["Conv"]);
    const old = runPasses(
      model(
        (b) => {
          const x = b.input("x", f64(2, 3, 8, 8));
          b.output(
            b.op(
              "Pad",
              [slice(b, x, [2], [2])],
              { pads: attr.ints([0, 1, 0, 0, 0, 1, 0, 0]) },
              { name: "pad" },
            ),
          );
        },
        { opset: 10 },
      ),
      [pointwiseShortcut],
      { raisesMacs: true },
    );
    expect(opsOf(old.after)).toEqual(["Conv"]);
  });

  it("leaves a Slice in place that somebody else reads", () => {
    const out = rewritten((b, x) => {
      const half = slice(b, x, [2], [2]);
      b.output(half);
      return pad(b, slice(b, half, [3], [2]), 1, 1);
    });
    expect(opsOf(out.after)).toEqual(["Slice", "Conv"]);
  });
});

describe("leaves alone", () => {
  const last: Record<string, (b: GraphBuilder, x: Value) => Value> = {
    "a start behind the first element": (b, x) => pad(b, slice(b, x, [2], [2], [1]), 1, 1),
    "an end before the last element": (b, x) => pad(b, slice(b, x, [2], [2], [0], [5]), 1, 1),
    "a step backwards": (b, x) => pad(b, slice(b, x, [2], [-1], [-1], [-ends]), 1, 1),
    "steps over channels": (b, x) => pad(b, slice(b, x, [1], [2]), 1, 1),
    "no step at all": (b, x) => pad(b, slice(b, x, [2], [1]), 1, 1),
    "a reflecting Pad": (b, x) => pad(b, slice(b, x, [2], [2]), 1, 1, { mode: "reflect" }),
    "channels cut off": (b, x) => pad(b, slice(b, x, [2], [2]), -1, 1),
    "zeros around the image too": (b, x) => {
      const pads = b.initializer("pads", Tensor.i64([8], [0, 1, 1, 0, 0, 1, 0, 0]));
      return b.op("Pad", [slice(b, x, [2], [2]), pads]);
    },
    "another value than zero": (b, x) => {
      const pads = b.initializer("pads", Tensor.i64([8], [0, 1, 0, 0, 0, 1, 0, 0]));
      return b.op("Pad", [slice(b, x, [2], [2]), pads, b.initializer("one", weights(1, []))]);
    },
  };
  it.each(Object.entries(last))("%s", (_, build) => {
    expect(rewritten(build).applied).toBe(0);
  });

  it("channels that are not known, and says so", () => {
    const out = rewritten((b, x) => pad(b, slice(b, x, [2], [2]), 1, 1), ["N", "C", 8, 8]);
    expect(reasonOf(out, "pad")).toMatch(/channels/);
  });
});
