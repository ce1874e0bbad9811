import { describe, expect, test } from "vitest";
import { attr, GraphBuilder, Model, Tensor, type Graph } from "../../src/ir/index.js";
import { inferFacts, interpret, prepareInterpreter } from "../../src/measure/index.js";
import type { RuntimeValue } from "../../src/ops/index.js";

const i64 = (...values: number[]): Tensor => Tensor.i64([values.length], values);
const f32 = (...values: number[]): Tensor => Tensor.f32([values.length], values);

function model(opset: number, build: (b: GraphBuilder) => void): Model {
  const builder = new GraphBuilder();
  builder.graph.opsets.set("", opset);
  build(builder);
  return new Model(builder.graph);
}

function body(parent: Graph, build: (b: GraphBuilder) => void): Graph {
  const builder = new GraphBuilder("body", parent);
  build(builder);
  return builder.graph;
}

describe("If", () => {
  const choose = model(17, (b) => {
    const [condition, x] = [
      b.input("c", { dtype: "bool", shape: [] }),
      b.input("x", { dtype: "float32", shape: ["N"] }),
    ];
    const branch = (op: string): Graph => body(b.graph, (inner) => inner.output(inner.op(op, [x])));
    const attributes = { then_branch: attr.graph(branch("Neg")), else_branch: attr.graph(branch("Abs")) };
    b.output(b.op("If", [condition], attributes, { outputs: ["y"] }));
  });

  test("runs the branch that the condition picks, on outer values", () => {
    const run = (c: number): number[] => [
      ...interpret(
        choose,
        new Map([
          ["c", Tensor.of("bool", [], Uint8Array.of(c))],
          ["x", f32(-2, 3)],
        ]),
      ).get("y")!.numbers,
    ];
    expect([run(1), run(0)]).toEqual([
      [2, -3],
      [2, 3],
    ]);
  });

  test("infers what both branches agree on", () => {
    const fact = inferFacts(choose).of(choose.graph.outputs[0]!);
    expect([fact.dtype, fact.shape]).toEqual(["float32", ["N"]]);
  });
});

describe("Loop", () => {
  /** Doubles x until it exceeds the limit; collects every step. */
  const doubling = model(17, (b) => {
    const trips = b.input("trips", { dtype: "int64", shape: [] });
    const x = b.input("x", { dtype: "float32", shape: [1] });
    const graph = body(b.graph, (inner) => {
      inner.input("i", { dtype: "int64", shape: [] });
      inner.input("go", { dtype: "bool", shape: [] });
      const state = inner.input("state", { dtype: "float32", shape: [1] });
      const twice = inner.op("Add", [state, state]);
      const limit = inner.initializer("limit", f32(20));
      const running = inner.op("Squeeze", [inner.op("Less", [twice, limit])]);
      inner.output(running, { dtype: "bool", shape: [] });
      inner.output(twice, { dtype: "float32", shape: [1] });
      inner.output(inner.op("Identity", [twice]), { dtype: "float32", shape: [1] });
    });
    const node = b.node("Loop", [trips, null, x], { body: attr.graph(graph) }, { outputs: ["last", "all"] });
    for (const output of node.outputs) b.output(output!);
  });

  const run = (trips: number): number[][] => {
    const results = interpret(
      doubling,
      new Map([
        ["trips", Tensor.i64([], [trips])],
        ["x", f32(3)],
      ]),
    );
    expect(results.get("all")!.dims.length).toBe(2);
    return [[...results.get("last")!.numbers], [...results.get("all")!.numbers]];
  };

  test("ends by trip count, by condition, or before it starts", () => {
    expect(run(2)).toEqual([[12], [6, 12]]);
    expect(run(100)).toEqual([[24], [6, 12, 24]]);
    expect(run(0)).toEqual([[3], []]);
  });

  test("infers a scan output with a dimension more", () => {
    const facts = inferFacts(doubling);
    expect(facts.of(doubling.graph.outputs[1]!).shape).toEqual([null, 1]);
  });
});

describe("Scan", () => {
  const sums = (opset: number, attributes: Record<string, readonly number[]>): Model =>
    model(opset, (b) => {
      const [start, x] = [
        b.input("start", { dtype: "float32", shape: [2] }),
        b.input("x", { dtype: "float32", shape: ["T", 2] }),
      ];
      const graph = body(b.graph, (inner) => {
        const [state, slice] = [inner.input("s"), inner.input("v")];
        const next = inner.op("Add", [state, slice]);
        inner.output(next);
        inner.output(inner.op("Identity", [next]));
      });
      const node = b.node(
        "Scan",
        [start, x],
        { body: attr.graph(graph), num_scan_inputs: 1, ...attributes },
        { outputs: ["last", "all"] },
      );
      for (const output of node.outputs) b.output(output!);
    });
  const feeds = new Map([
    ["start", f32(0, 0)],
    ["x", Tensor.f32([3, 2], [1, 2, 3, 4, 5, 6])],
  ]);

  test("runs along the first axis, keeps the symbol of its length", () => {
    const cumulative = sums(17, {});
    const results = interpret(cumulative, feeds);
    expect([...results.get("all")!.numbers]).toEqual([1, 2, 4, 6, 9, 12]);
    expect(inferFacts(cumulative).of(cumulative.graph.outputs[1]!).shape).toEqual(["T", 2]);
  });

  test("runs backwards and writes backwards", () => {
    const backwards = sums(17, { scan_input_directions: [1], scan_output_directions: [1] });
    expect([...interpret(backwards, feeds).get("all")!.numbers]).toEqual([9, 12, 8, 10, 5, 6]);
  });

  test("stacks along another axis", () => {
    const results = interpret(sums(17, { scan_output_axes: [1] }), feeds);
    expect(results.get("all")!.dims).toEqual([2, 3]);
    expect([...results.get("all")!.numbers]).toEqual([1, 4, 9, 2, 6, 12]);
  });
});

describe("sequences and optionals", () => {
  const values = (m: Model, feeds: Record<string, RuntimeValue>): RuntimeValue[] => [
    ...prepareInterpreter(m)
      .runValues(new Map(Object.entries(feeds)))
      .values(),
  ];

  test("insert, erase, take, count", () => {
    const m = model(17, (b) => {
      const [x, y] = [
        b.input("x", { dtype: "float32", shape: [1] }),
        b.input("y", { dtype: "float32", shape: [1] }),
      ];
      const at = (value: number) => b.initializer(`at${value}`, Tensor.i64([], [value]));
      const two = b.op("SequenceConstruct", [x, y]);
      const three = b.op("SequenceInsert", [two, b.op("Neg", [x]), at(0)]);
      const rest = b.op("SequenceErase", [three, at(-1)]);
      b.output(b.op("SequenceAt", [three, at(2)], {}, { outputs: ["third"] }));
      b.output(b.op("SequenceLength", [rest], {}, { outputs: ["count"] }));
      b.output(b.op("ConcatFromSequence", [rest], { axis: 0, new_axis: 1 }, { outputs: ["stacked"] }));
    });
    const [third, count, stacked] = values(m, { x: f32(1), y: f32(2) }) as Tensor[];
    expect([third!.numbers[0], count!.toNumbers()]).toEqual([2, [2]]);
    expect([stacked!.dims, [...stacked!.numbers]]).toEqual([
      [2, 1],
      [-1, 1],
    ]);
  });

  test("SplitToSequence in chunks, the last one shorter", () => {
    const m = model(17, (b) => {
      const x = b.input("x", { dtype: "int64", shape: [5] });
      const two = b.initializer("two", Tensor.i64([], [2]));
      b.output(b.op("SplitToSequence", [x, two], {}, { outputs: ["parts"] }));
    });
    const [parts] = values(m, { x: i64(1, 2, 3, 4, 5) });
    expect((parts as readonly Tensor[]).map((tensor) => tensor.toNumbers())).toEqual([[1, 2], [3, 4], [5]]);
  });

  test("SequenceMap runs its body for each element", () => {
    const m = model(17, (b) => {
      const x = b.input("x", { dtype: "float32", shape: [1] });
      const list = b.op("SequenceConstruct", [x, x]);
      const graph = body(b.graph, (inner) => inner.output(inner.op("Neg", [inner.input("e")])));
      b.output(b.op("SequenceMap", [list], { body: attr.graph(graph) }, { outputs: ["mapped"] }));
    });
    const [mapped] = values(m, { x: f32(4) });
    expect((mapped as readonly Tensor[]).map((tensor) => tensor.numbers[0])).toEqual([-4, -4]);
  });

  test("an empty optional has no element to give", () => {
    const m = model(18, (b) => {
      const none = b.op("Optional", []);
      b.output(b.op("OptionalHasElement", [none], {}, { outputs: ["has"] }));
    });
    expect((values(m, {})[0] as Tensor).numbers[0]).toBe(0);
    const broken = model(18, (b) => b.output(b.op("OptionalGetElement", [b.op("Optional", [])])));
    expect(() => values(broken, {})).toThrow(/the optional is empty/);
  });

  test("a place outside of a sequence names the node", () => {
    const m = model(17, (b) => {
      const list = b.op("SequenceConstruct", [b.input("x", { dtype: "float32", shape: [1] })]);
      b.output(b.op("SequenceAt", [list, b.initializer("at", Tensor.i64([], [1]))], {}, { name: "take" }));
    });
    expect(() => values(m, { x: f32(1) })).toThrow(/position 1 is outside of a sequence of 1 \(node "take"/);
  });
});
