import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import {
  ModelError,
  Tensor,
  UnsupportedError,
  UsageError,
  type DType,
  type Model,
} from "../../src/ir/index.js";
import { interpret } from "../../src/measure/index.js";
import { loadModel } from "../../src/onnx/index.js";
import {
  cleanOrtMessage,
  openExecutor,
  ortAvailable,
  probeInChild,
  runtimeSource,
} from "../../src/runtime/index.js";
import { ortError } from "../../src/runtime/ort-errors.js";
import { buildModel, f32, ramp } from "../measure/small-models.js";
import { fixturePath, seededFeeds } from "./graph-fixtures.js";

const load = (name: string): Promise<Model> => loadModel(fixturePath({ file: `${name}.onnx` }));

async function runOnce(
  model: Model,
  feeds: Map<string, Tensor>,
  outputs?: readonly string[],
): Promise<ReadonlyMap<string, Tensor>> {
  const executor = await openExecutor(model, { engine: "ort", threads: 1, ...(outputs ? { outputs } : {}) });
  try {
    return await executor.run(feeds);
  } finally {
    await executor.dispose();
  }
}

describe("openExecutor", () => {
  it("finds the installed runtime", async () => {
    expect(await ortAvailable()).toMatch(/^1\.\d+\.\d+$/);
    const executor = await openExecutor(await load("conv-bare"), { engine: "auto" });
    expect(executor).toMatchObject({ engine: `onnxruntime ${await ortAvailable()}`, notice: null });
    await executor.dispose();
  });

  it("returns inner values and inputs, without changing the model", async () => {
    const model = await load("residual-block");
    const names = [
      model.graph.nodes[0]!.output.name,
      model.graph.inputs[0]!.name,
      model.graph.outputs[0]!.name,
    ];
    const feeds = seededFeeds(model);
    const outputsBefore = [...model.graph.outputs];
    const results = await runOnce(model, feeds, names);
    expect([...results.keys()]).toEqual(names);
    const expected = interpret(model, feeds, { outputs: names });
    for (const name of names) expect(results.get(name)!.dims).toEqual(expected.get(name)!.dims);
    expect(model.graph.outputs).toEqual(outputsBefore);
    expect(await runOnce(model, feeds, [])).toEqual(new Map());
    await expect(runOnce(model, feeds, ["nothing"])).rejects.toThrow(UsageError);
  });

  it("falls back to the interpreter, and says why, for what the runtime doesn't know", async () => {
    const model = await load("custom-domain");
    await expect(openExecutor(model, { engine: "ort" })).rejects.toThrow(UnsupportedError);
    const executor = await openExecutor(model, { engine: "auto" });
    expect(executor.engine).toBe("reference");
    expect(executor.notice).toContain("Swirl");
  });

  it("stops hostile models before native code sees them", async () => {
    const model = buildModel((b) => {
      b.initializer("shape", Tensor.i64([2], [2 ** 30, 2 ** 30]));
      b.output(b.op("ConstantOfShape", ["shape"], {}, { outputs: ["y"] }));
    });
    await expect(openExecutor(model, { engine: "auto" })).rejects.toThrow(
      expect.objectContaining({ code: "E_MEMORY" }) as Error,
    );
  });

  it("lets a child load the model first when asked to", async () => {
    const executor = await openExecutor(await load("conv-bare"), { engine: "ort", probe: true });
    expect(executor.engine).toContain("onnxruntime");
    await executor.dispose();
  });

  it("checks feeds like the interpreter does", async () => {
    await expect(runOnce(await load("conv-bare"), new Map())).rejects.toThrow(
      expect.objectContaining({ code: "E_FEED_MISSING" }) as Error,
    );
  });

  it("carries names that JavaScript objects can't", async () => {
    const model = await load("odd-names");
    const results = await runOnce(model, seededFeeds(model));
    expect([...results.keys()]).toEqual(["__proto__"]);
    const hostile = buildModel((b) => {
      b.input("__proto__", f32([2]));
      b.output(b.op("Neg", ["__proto__"], {}, { outputs: ["constructor"] }));
    });
    const [y] = (await runOnce(hostile, new Map([["__proto__", Tensor.f32([2], [1, 2])]]))).values();
    expect([...y!.numbers]).toEqual([-1, -2]);
  });

  it("runs what was changed, not what was loaded", async () => {
    const model = await load("conv-bare");
    const feeds = seededFeeds(model);
    const before = await runOnce(model, feeds);
    const weight = model.graph.initializers[0]!;
    const tensor = weight.initializer!;
    weight.initializer_ = Tensor.f32(tensor.dims, new Float32Array(tensor.size));
    const after = await runOnce(model, feeds);
    expect(before.get("output")!.numbers.some((x) => x !== 0)).toBe(true);
    expect(after.get("output")!.numbers.every((x) => x === 0)).toBe(true);
  });

  it("reads float tensors that carry float64, and float16 bits", async () => {
    const wide = Tensor.of("float32", [2], Float64Array.of(1.5, -2));
    const model = buildModel((b) => {
      b.input("x", f32([2]));
      b.output(b.op("Neg", ["x"], {}, { outputs: ["y"] }));
    });
    expect([...(await runOnce(model, new Map([["x", wide]]))).get("y")!.numbers]).toEqual([-1.5, 2]);
  });

  const samples: [DType, Tensor][] = [
    ["float16", Tensor.floats("float16", [3], [0.5, -1.25, 65504])],
    ["float32", Tensor.f32([3], [0.1, -2, 3e38])],
    ["float64", Tensor.floats("float64", [3], [0.1, -2, 1e300])],
    ["int8", Tensor.of("int8", [2], Int8Array.of(-128, 127))],
    ["uint8", Tensor.of("uint8", [2], Uint8Array.of(0, 255))],
    ["int16", Tensor.of("int16", [2], Int16Array.of(-32768, 32767))],
    ["uint16", Tensor.of("uint16", [2], Uint16Array.of(0, 65535))],
    ["int32", Tensor.of("int32", [2], Int32Array.of(-(2 ** 31), 2 ** 31 - 1))],
    ["uint32", Tensor.of("uint32", [2], Uint32Array.of(0, 2 ** 32 - 1))],
    ["int64", Tensor.i64([2], [-(2n ** 63n), 2n ** 63n - 1n])],
    ["uint64", Tensor.of("uint64", [2], BigUint64Array.of(0n, 2n ** 64n - 1n))],
    ["bool", Tensor.of("bool", [2], Uint8Array.of(1, 0))],
    ["string", Tensor.of("string", [2], ["a", "ü\n"])],
  ];
  it.each(samples)("carries %s there and back", async (dtype, tensor) => {
    const model = buildModel((b) => {
      b.input("x", { dtype, shape: ["N"] });
      b.output(b.op("Identity", ["x"], {}, { outputs: ["y"] }), { dtype, shape: ["N"] });
    });
    const y = (await runOnce(model, new Map([["x", tensor]]))).get("y")!;
    expect([y.dtype, y.dims, [...y.data]]).toEqual([dtype, tensor.dims, [...tensor.data]]);
  });

  it("refuses types without a counterpart by name", async () => {
    const model = buildModel((b) => {
      b.input("x", { dtype: "bfloat16", shape: [1] });
      b.output(b.op("Identity", ["x"], {}, { outputs: ["y"] }), { dtype: "bfloat16", shape: [1] });
    });
    const feeds = new Map([["x", Tensor.floats("bfloat16", [1], [1])]]);
    await expect(runOnce(model, feeds)).rejects.toThrow(UnsupportedError);
  });

  it("names the node that fails at run time", async () => {
    const model = buildModel((b) => {
      b.input("x", f32(["A"]));
      b.input("z", f32(["B"]));
      b.output(b.op("Add", ["x", "z"], {}, { name: "the sum", outputs: ["y"] }));
    });
    const attempt = runOnce(
      model,
      new Map([
        ["x", ramp([2])],
        ["z", ramp([3])],
      ]),
    );
    await expect(attempt).rejects.toThrow(ModelError);
    await expect(attempt).rejects.toThrow(
      expect.objectContaining({ where: { node: "the sum", op: "Add" } }) as Error,
    );
  });
});

describe("runtimeSource", () => {
  it("writes models that are too big for a message to a folder, and removes it", async () => {
    const source = await runtimeSource(await load("external-data/model"), 0);
    const path = source.model as string;
    await expect(probeInChild(path, 30_000)).resolves.toBeUndefined();
    await source.dispose();
    expect(existsSync(dirname(path))).toBe(false);
  });

  it("keeps what fits in memory, external data inside", async () => {
    const source = await runtimeSource(await load("external-data/model"));
    expect(source.model).toBeInstanceOf(Uint8Array);
    await expect(probeInChild(source.model, 30_000)).resolves.toBeUndefined();
    await source.dispose();
  });
});

describe("messages of the runtime", () => {
  const running =
    "Non-zero status code returned while running Add node. Name:'the sum' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/math/element_wise_ops.h:540 void onnxruntime::BroadcastIterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 || axis == largest was false. Attempting to broadcast an axis by a dimension other than 1. 2 by 3\n";
  const missing =
    "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for Swirl(2) node with name 'twist'";
  const inference =
    "Load model from /tmp/a.onnx failed:Node (conv1) Op (Conv) [ShapeInferenceError] dim mismatch";

  it("become one line without paths and status codes", () => {
    for (const message of [running, missing, inference]) {
      const clean = cleanOrtMessage(message);
      expect(clean).not.toMatch(/[\n\r]|onnxruntime_src|ONNXRuntimeError|\/tmp/);
      expect(clean.length).toBeGreaterThan(20);
    }
    expect(cleanOrtMessage(running)).toContain(
      "Attempting to broadcast an axis by a dimension other than 1. 2 by 3",
    );
    expect(cleanOrtMessage("a\u001b[31mred\u202e")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it("name the node", () => {
    expect(ortError(new Error(running)).where).toEqual({ node: "the sum", op: "Add" });
    expect(ortError(new Error(missing))).toBeInstanceOf(UnsupportedError);
    expect(ortError(new Error(missing)).where).toEqual({ node: "twist", op: "Swirl" });
    expect(ortError(new Error(inference)).where).toEqual({ node: "conv1", op: "Conv" });
  });
});
