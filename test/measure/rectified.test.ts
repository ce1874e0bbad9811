import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import * as ir from "../../src/ir/index.js";
import * as measure from "../../src/measure/index.js";
import { planModel } from "../../src/measure/plan.js";
import { opDefinition } from "../../src/ops/index.js";
import { seededRandom } from "../../src/linalg/index.js";

/* A Conv that only a Relu reads is computed together with it; nobody may notice. */

const channels = 6;
const oddities = [NaN, Infinity, -Infinity, 0, -0, 3e38, -3e38, 1e-40];

interface Layer {
  readonly op: "Conv" | "Relu" | "Add" | "Identity" | "Neg";
  /** Which of the values before it reads. */
  readonly a: number;
  readonly b: number;
  readonly kernel: number;
  readonly group: number;
  readonly bias: boolean;
}

interface Case {
  readonly layers: readonly Layer[];
  readonly dtype: "float32" | "float16" | "float64";
  readonly precision: measure.Precision;
  readonly side: number;
  readonly batch: number;
  readonly odd: number;
  readonly outputs: readonly number[];
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  layers: fc.array(
    fc.record({
      op: fc.constantFrom("Conv", "Conv", "Conv", "Relu", "Relu", "Relu", "Add", "Identity", "Neg"),
      // Mostly the value just before.
      a: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
      b: fc.nat({ max: 3 }),
      kernel: fc.constantFrom(1, 3),
      group: fc.constantFrom(1, 2, channels),
      bias: fc.boolean(),
    }),
    { minLength: 2, maxLength: 9 },
  ),
  dtype: fc.constantFrom("float32", "float32", "float32", "float16", "float64"),
  precision: fc.constantFrom("default", "default", "float32", "float64"),
  // The greater one takes memory from the pool.
  side: fc.constantFrom(5, 38),
  batch: fc.constantFrom(1, 2),
  odd: fc.constantFrom(0, 0.001, 0.2),
  outputs: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }),
  seed: fc.nat(),
});

/** The model and the names of its values; of the classes of one load of the modules. */
function modelOf(c: Case, { GraphBuilder, Model, Tensor }: typeof ir): { model: ir.Model; names: string[] } {
  const random = seededRandom(c.seed);
  const type = { dtype: c.dtype, shape: [c.batch, channels, c.side, c.side] };
  const builder = new GraphBuilder();
  const values = [builder.input("x", type)];
  const weight = (name: string, dims: number[]): ir.Value =>
    builder.initializer(
      name,
      Tensor.floats(
        c.dtype,
        dims,
        Array.from({ length: dims.reduce((a, n) => a * n, 1) }, () => random.normal()),
      ),
    );
  c.layers.forEach(({ op, a, b, kernel, group, bias }, i) => {
    const [left, right] = [values.at(-1 - (a % values.length))!, values.at(-1 - (b % values.length))!];
    const outputs = { outputs: [`v${i}`] };
    if (op === "Conv") {
      const inputs = [left, weight(`w${i}`, [channels, channels / group, kernel, kernel])];
      if (bias) inputs.push(weight(`b${i}`, [channels]));
      const pads = Array<number>(4).fill((kernel - 1) / 2);
      values.push(builder.op("Conv", inputs, { group, kernel_shape: [kernel, kernel], pads }, outputs));
    } else values.push(builder.op(op, op === "Add" ? [left, right] : [left], {}, outputs));
  });
  builder.output(values.at(-1)!, type);
  builder.graph.opsets.set("", 17);
  const wanted = [0, ...c.outputs].map((back) => values.at(-1 - (back % (values.length - 1)))!.name);
  return { model: new Model(builder.graph), names: [...new Set(wanted)] };
}

function feedsOf(c: Case, run: number, { Tensor }: typeof ir): Map<string, ir.Tensor> {
  const random = seededRandom(c.seed + run + 1);
  const dims = [c.batch, channels, c.side, c.side];
  const value = (): number =>
    random.uniform() < c.odd ? oddities[random.integer(oddities.length)]! : random.normal();
  const values = Array.from({ length: dims.reduce((a, n) => a * n, 1) }, value);
  return new Map([["x", Tensor.floats(c.dtype, dims, values)]]);
}

/** Data by name, of three runs. */
function run(
  c: Case,
  classes: typeof ir,
  { prepareInterpreter }: typeof measure,
  watched: boolean,
): Map<string, readonly number[]>[] {
  const { model, names } = modelOf(c, classes);
  const interpreter = prepareInterpreter(model, {
    precision: c.precision,
    outputs: names,
    ...(watched && { onNode: () => undefined }),
  });
  const results = [0, 1, 2].map((index) => interpreter.run(feedsOf(c, index, classes)));
  return results.map((result) => new Map([...result].map(([name, { numbers }]) => [name, numbers as never])));
}

function expectSame(got: ReturnType<typeof run>, want: ReturnType<typeof run>): void {
  want.forEach((values, i) => {
    for (const [name, data] of values) {
      const other = got[i]!.get(name)!;
      const at = data.findIndex((value, k) => !Object.is(value, other[k]));
      expect(at < 0 ? null : `${name}[${at}]: ${other[at]!} for ${data[at]!}`).toBeNull();
    }
  });
}

vi.stubGlobal("WebAssembly", undefined);
vi.resetModules();
const plain = {
  ir: await import("../../src/ir/index.js"),
  measure: await import("../../src/measure/index.js"),
};
const { panelEngine } = await import("../../src/linalg/product.js");
const plainEngine = panelEngine().name;
vi.unstubAllGlobals();

describe("a Conv together with its Relu", () => {
  afterAll(() => vi.resetModules());

  it("gives what both give one after the other, bit for bit", () => {
    fc.assert(
      fc.property(cases, (c) => expectSame(run(c, ir, measure, false), run(c, ir, measure, true))),
      { numRuns: 120 },
    );
  });

  it("does so without WebAssembly, and the same with it", () => {
    expect(plainEngine).toBe("portable");
    fc.assert(
      fc.property(cases, (c) => {
        const alone = run(c, plain.ir, plain.measure, false);
        expectSame(alone, run(c, plain.ir, plain.measure, true));
        expectSame(alone, run(c, ir, measure, false));
      }),
      { numRuns: 80 },
    );
  });

  const chain = (...ops: [Layer["op"], number?, number?][]): Case => ({
    layers: ops.map(([op, a = 0, b = 0]) => ({ op, a, b, kernel: 3, group: 1, bias: true })),
    dtype: "float32",
    precision: "default",
    side: 5,
    batch: 1,
    odd: 0,
    outputs: [],
    seed: 1,
  });

  it.each<[string, Case, boolean]>([
    ["one Relu reads it", chain(["Conv"], ["Relu"]), true],
    ["a Relu and something else read it", chain(["Conv"], ["Relu"], ["Add", 1]), false],
    ["two of them read it", chain(["Conv"], ["Relu"], ["Relu", 1], ["Add", 0, 1]), false],
    ["it is asked for", { ...chain(["Conv"], ["Relu"]), outputs: [1] }, false],
    ["another operator reads it", chain(["Conv"], ["Neg"]), false],
    ["another operator is in between", chain(["Conv"], ["Identity"], ["Relu"]), false],
  ])("is planned or not where %s", (_, c, planned) => {
    const { model, names } = modelOf(c, ir);
    const outputs = names.map((name) =>
      model.graph.nodes.flatMap((n) => n.outputs).find((v) => v?.name === name)!,
    );
    const step = planModel(model, { outputs }).steps.find(({ node }) => node.op === "Conv")!;
    expect(step.rectifiable).toBe(planned);
  });

  it("leaves Relu nothing to do, but where it is not done", () => {
    const evaluate = vi.spyOn(opDefinition({ op: "Relu", domain: "" })!, "evaluate");
    const calls = (c: Case, watched: boolean): number => {
      evaluate.mockClear();
      run(c, ir, measure, watched);
      return evaluate.mock.calls.length;
    };
    const c = chain(["Conv"], ["Relu"], ["Conv"], ["Relu"]);
    expect(calls(c, false)).toBe(0);
    expect(calls(c, true)).toBe(6);
    expect(calls({ ...c, precision: "float64" }, false)).toBe(6);
    evaluate.mockRestore();
  });

  it("is not done where somebody watches: the Conv's own outputs are seen and may be replaced", () => {
    const c = chain(["Conv"], ["Relu"]);
    const { model } = modelOf(c, ir);
    const least: number[] = [];
    measure.interpret(model, feedsOf(c, 0, ir), {
      onNode: (_, [y]) => least.push(Math.min(...(y as ir.Tensor).numbers)),
    });
    expect(least[0]).toBeLessThan(0);
    expect(least[1]).toBe(0);
    const replaced = measure.interpret(model, feedsOf(c, 0, ir), {
      replace: (node, outputs) =>
        node.op === "Conv"
          ? [
              ir.Tensor.of(
                "float32",
                (outputs[0] as ir.Tensor).dims,
                (outputs[0] as ir.Tensor).numbers.map(() => -1),
              ),
            ]
          : outputs,
    });
    expect(replaced.get("v1")!.numbers.every((x) => Object.is(x, 0))).toBe(true);
  });
});
