import { describe, expect, it } from "vitest";
import { kernelRows, namedCopy } from "../../src/latency/index.js";
import { GraphBuilder, Model } from "../../src/ir/index.js";
import { kernelTimes, type KernelTime } from "../../src/runtime/index.js";
import { noise } from "./networks.js";

/** x → conv1 → relu1 → conv2 → add(+ relu1) → relu2 → pool → conv3 → relu3. */
function chain(): Model {
  const b = new GraphBuilder();
  b.graph.opsets.set("", 13);
  const conv = (input: ReturnType<typeof b.input>, name: string) =>
    b.op(
      "Conv",
      [input, b.initializer(`${name}.w`, noise([4, 4, 1, 1]))],
      {},
      { name, outputs: [`${name}.y`] },
    );
  const op = (type: string, name: string, ...inputs: ReturnType<typeof b.input>[]) =>
    b.op(type, inputs, {}, { name, outputs: [`${name}.y`] });
  const x = b.input("x", { dtype: "float32", shape: [1, 4, 4, 4] });
  const first = op("Relu", "relu1", conv(x, "conv1"));
  const sum = op("Relu", "relu2", op("Add", "add", conv(first, "conv2"), first));
  b.output(op("Relu", "relu3", conv(op("GlobalMaxPool", "pool", sum), "conv3")));
  return new Model(b.graph);
}

const kernel = (name: string, op: string, index: number, ms = 1): KernelTime => ({ name, op, index, ms });
const nodesOf = (kernels: KernelTime[]): string[] =>
  kernelRows(chain(), kernels).map(({ layer, nodes }) => `${layer ?? "-"}: ${nodes.join(" ")}`);

describe("kernels", () => {
  it("in blocked layout, named after the value before an Add was taken in", () => {
    expect(
      nodesOf([
        kernel("ReorderInput", "ReorderInput", 9),
        kernel("relu1.y_nchwc", "Conv", 1),
        kernel("conv2.y_nchwc", "Conv", 2),
        kernel("pool.y_nchwc", "GlobalMaxPool", 3),
        kernel("relu3.y_nchwc", "Conv", 4),
        kernel("ReorderOutput_token_1", "ReorderOutput", 8),
      ]),
    ).toEqual([
      "-: ",
      "conv1: conv1 relu1",
      "conv2: conv2 add relu2",
      "pool: pool",
      "conv3: conv3 relu3",
      "-: ",
    ]);
  });

  it("in plain layout, named after the convolution that took in what is behind it", () => {
    expect(
      nodesOf([
        kernel("conv1", "FusedConv", 1),
        kernel("conv2", "Conv", 2),
        kernel("add", "Add", 3),
        kernel("relu2", "Relu", 4),
        kernel("pool", "GlobalMaxPool", 5),
        kernel("conv3", "FusedConv", 6),
      ]),
    ).toEqual([
      "conv1: conv1 relu1",
      "conv2: conv2",
      "add: add",
      "relu2: relu2",
      "pool: pool",
      "conv3: conv3 relu3",
    ]);
  });

  it("with something behind a node's name", () => {
    const kernels = [
      kernel("pool/Fusion", "Split", 1),
      kernel("conv3", "FusedConv", 2),
      kernel("pooling", "Odd", 3),
    ];
    expect(nodesOf(kernels)).toEqual(["pool: pool", "conv3: conv3 relu3", "-: "]);
  });

  it("are summed up over runs, in their first order, kernel by kernel", () => {
    const rows = kernelRows(chain(), [
      kernel("conv2", "Conv", 2, 5),
      kernel("conv1", "Conv", 1, 3),
      kernel("conv2", "Conv", 2, 9),
      kernel("conv1", "Conv", 1, 1),
      kernel("conv2", "Conv", 2, 6),
    ]);
    expect(rows.map(({ kernel: name, ms }) => [name, ms])).toEqual([
      ["conv2", 6],
      ["conv1", 2],
    ]);
    const twice = [kernel("conv1", "Conv", 1, 3), kernel("conv1", "Conv", 1, 1)];
    expect(kernelRows(chain(), twice, 1)[0]).toMatchObject({ ms: 1, runs: [1] });
  });
});

describe("a copy for the profiler", () => {
  it("gives every node a name of its own and keeps those it has", () => {
    const b = new GraphBuilder();
    b.graph.opsets.set("", 13);
    let value = b.input("x", { dtype: "float32", shape: [1] });
    for (const [i, name] of ["", "twice", "twice", "once", ""].entries())
      value = b.op("Relu", [value], {}, { name, outputs: [`y${i}`] });
    b.output(value);
    const model = new Model(b.graph);
    const names = namedCopy(model).graph.nodes.map((node) => node.name);
    expect(new Set(names).size).toBe(5);
    expect(names).not.toContain("");
    expect(names[1]).toBe("twice");
    expect(names[3]).toBe("once");
    expect(model.graph.nodes.map(({ name }) => name)).toEqual(["", "twice", "twice", "once", ""]);
  });
});

describe("a runtime's trace", () => {
  it("gives kernel events and nothing else", () => {
    const trace = [
      { cat: "Session", name: "model_run", dur: 9, ts: 0 },
      { cat: "Node", name: "conv_kernel_time", dur: 1500, args: { op_name: "Conv", node_index: "7" } },
      { cat: "Node", name: "conv_fence_before", dur: 1, args: { op_name: "Conv" } },
      { cat: "Node", name: "odd_kernel_time", dur: 2, args: {} },
      { cat: "Node", name: 3, dur: 2, args: {} },
      null,
      5,
    ];
    expect(kernelTimes(JSON.stringify(trace))).toEqual([
      { name: "conv", op: "Conv", index: 7, ms: 1.5 },
      { name: "odd", op: "?", index: -1, ms: 0.002 },
    ]);
    expect(kernelTimes("{}")).toEqual([]);
  });
});
