import { describe, expect, it } from "vitest";
import dropDeadNodes from "../../passes/drop-dead-nodes.js";
import { GraphBuilder, Tensor, attr } from "../../src/ir/index.js";
import { f64, model, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

describe("fires", () => {
  it("on a dead chain with its weights, and on unread initializers", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3));
        b.output(b.op("Relu", [x]));
        b.op("Neg", [b.op("Add", [x, b.initializer("w", weights(1, [3]))])]);
        b.initializer("unread", weights(2, [5]));
      }),
      [dropDeadNodes],
    );
    expect(opsOf(out.after)).toEqual(["Relu"]);
    expect(out.after.graph.initializers).toEqual([]);
  });
});

describe("keeps", () => {
  it("a node with one output that is read", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4));
        const { outputs } = b.node("Split", [x], { axis: 1 }, { outputs: ["left", "right"] });
        b.output(outputs[1]!);
      }),
      [dropDeadNodes],
    );
    expect(out.applied).toBe(0);
  });

  it("overridable initializers, which are inputs", () => {
    const out = runPasses(
      model((b) => {
        b.input("x", f64("N", 4));
        b.initializer("option", weights(1, [4]));
        b.input("option", f64(4));
        b.output(b.op("Relu", ["x"]));
      }),
      [dropDeadNodes],
    );
    expect(out.after.graph.inputs.map((input) => input.name)).toEqual(["x", "option"]);
  });

  it("nodes of other domains", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4));
        b.output(b.op("Relu", [x]));
        b.op("Log", [x], {}, { name: "log", domain: "com.example" });
      }),
      [dropDeadNodes],
      { interpret: false },
    );
    expect(reasonOf(out, "log")).toContain("another domain");
  });

  it("what a branch reads or returns", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64(4));
        const cond = b.input("cond", { dtype: "bool", shape: [] });
        const w = b.initializer("w", weights(1, [4]));
        const hidden = b.op("Neg", [x]);
        const then = new GraphBuilder("then", b.graph);
        then.output(then.op("Add", [hidden, w]));
        const other = new GraphBuilder("else", b.graph);
        other.output(other.op("Relu", [x]));
        b.output(
          b.op(
            "If",
            [cond],
            { then_branch: attr.graph(then.graph), else_branch: attr.graph(other.graph) },
            { name: "if" },
          ),
        );
      }),
      [dropDeadNodes],
    );
    expect(out.applied).toBe(0);
  });
});

describe("at the borders", () => {
  it("a dead node may leave outputs out", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4));
        b.output(b.op("Relu", [x]));
        b.node("TopK", [x, b.initializer("k", Tensor.i64([1], [1]))], {}, { outputs: ["", "where"] });
      }),
      [dropDeadNodes],
    );
    expect(opsOf(out.after)).toEqual(["Relu"]);
    expect(out.after.graph.initializers).toEqual([]);
  });

  it.each([
    [1, "1 initializer"],
    [2, "2 initializers"],
  ])("says that it dropped %i unread initializers, once", (count, note) => {
    const out = runPasses(
      model((b) => {
        b.output(b.op("Neg", [b.op("Relu", [b.input("x", f64("N", 4))])]));
        for (let i = 0; i < count; i++) b.initializer(`unread${i}`, weights(2, [5]));
      }),
      [dropDeadNodes],
    );
    expect(out.after.graph.initializers).toEqual([]);
    expect(out.entries.map((entry) => entry.reason)).toEqual([note]);
  });

  it("notes nothing beside a dead node", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4));
        b.output(b.op("Relu", [x]));
        b.op("Neg", [x]);
      }),
      [dropDeadNodes],
    );
    expect(out.entries.map((entry) => entry.reason)).toEqual([""]);
  });

  it.each([
    [3, []],
    [4, ["option"]],
  ])("an initializer that is listed among the inputs in IR %i", (ir, left) => {
    const out = runPasses(
      model(
        (b) => {
          b.input("x", f64("N", 4));
          b.initializer("option", weights(1, [4]));
          b.input("option", f64(4));
          b.output(b.op("Relu", ["x"]));
        },
        { ir, opset: 8 },
      ),
      [dropDeadNodes],
    );
    expect(out.after.graph.initializers.map((value) => value.name)).toEqual(left);
  });
});
