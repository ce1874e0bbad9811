import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  Patch,
  Tensor,
  attr,
  attributes,
  verify,
  type Graph,
  type TensorType,
  type Value,
} from "../../src/ir/index.js";

const row: TensorType = { dtype: "float32", shape: [1, 2] };

describe("Patch in and around subgraphs", () => {
  /** If with a branch that reads the outer value `a`, holds a Constant and returns its own Relu. */
  function withBranch(irVersion = 8): { outer: GraphBuilder; branch: Graph; a: Value; result: Value } {
    const outer = new GraphBuilder();
    outer.graph.irVersion = irVersion;
    const x = outer.input("x", row);
    const condition = outer.input("c", { dtype: "bool", shape: [] });
    const a = outer.op("Relu", [x], {}, { name: "a", outputs: ["a"] });
    const branches = ["then", "else"].map((name) => {
      const inner = new GraphBuilder(name, outer.graph);
      inner.output(inner.op("Relu", [a], {}, { name: `${name}.relu`, outputs: [`${name}.out`] }), row);
      return inner.graph;
    });
    const attrs = attributes({
      then_branch: attr.graph(branches[0]!),
      else_branch: attr.graph(branches[1]!),
    });
    const result = outer.op("If", [condition], attrs, { name: "if", outputs: ["y"] });
    outer.output(result, row);
    verify(outer.graph);
    return { outer, branch: branches[0]!, a, result };
  }

  it("redirects readers inside subgraphs", () => {
    const { outer, branch, a } = withBranch();
    const patch = new Patch(outer.graph, a.producer!);
    patch.replace(a, patch.op("Abs", [outer.graph.value("x")!]));
    patch.apply();
    verify(outer.graph);
    expect(branch.nodes[0]!.input(0)!.producer!.op).toBe("Abs");
  });

  it("keeps outer values that only a subgraph reads and drops them with the node", () => {
    const { outer, a, result } = withBranch();
    expect(a.uses).toHaveLength(2);
    const patch = new Patch(outer.graph, result.producer!);
    patch.replace(result, patch.op("Neg", [outer.graph.value("x")!]));
    const { removed } = patch.apply();
    verify(outer.graph);
    expect(removed.map((node) => node.op)).toEqual(["If", "Relu"]);
    expect(a.graph).toBeNull();
  });

  it("sorts the holder of a subgraph behind what the subgraph reads", () => {
    const { outer, a, result } = withBranch();
    const late = outer.op("Abs", [outer.graph.value("x")!], {}, { outputs: ["late"] });
    outer.output(late);
    const patch = new Patch(outer.graph, result.producer!);
    patch.replace(a, late);
    patch.apply();
    verify(outer.graph);
    expect(outer.graph.nodes.map((node) => node.op)).toEqual(["Abs", "If"]);
  });

  it("changes a subgraph in place, with names fresh in the whole model", () => {
    const { outer, branch, a } = withBranch();
    outer.initializer("then.relu.slope", Tensor.f32([1], [1]));
    const patch = new Patch(branch, branch.nodes[0]!);
    patch.replace(
      branch.outputs[0]!,
      patch.op("PRelu", [a, patch.constant("slope", Tensor.f32([1], [0.5]))]),
    );
    patch.apply();
    verify(outer.graph);
    expect(branch.initializers.map((value) => value.name)).toEqual(["then.relu.slope_1"]);
    expect(branch.outputs.map((value) => value.name)).toEqual(["then.out"]);
  });

  it("gives a subgraph output that falls together with an outer value an Identity", () => {
    const { outer, branch, a } = withBranch();
    const patch = new Patch(branch, branch.nodes[0]!);
    patch.replace(branch.outputs[0]!, a);
    patch.apply();
    verify(outer.graph);
    expect(branch.nodes.map((node) => node.op)).toEqual(["Identity"]);
    expect(branch.outputs[0]!.name).toBe("then.out");
  });

  it("makes Constant nodes in a branch before IR version 4, where initializers had to be inputs", () => {
    const { outer, branch, a } = withBranch(3);
    const patch = new Patch(branch, branch.nodes[0]!);
    patch.replace(branch.outputs[0]!, patch.op("Mul", [a, patch.constant("k", Tensor.f32([1], [2]))]));
    patch.apply();
    verify(outer.graph);
    expect(branch.nodes.map((node) => node.op)).toEqual(["Constant", "Mul"]);
    expect(branch.inputs).toEqual([]);
  });
});
