import {
  GraphBuilder,
  Model,
  Tensor,
  type AttributeInput,
  type DType,
  type Node,
} from "../../src/ir/index.js";
import type { BufferPool } from "../../src/measure/buffer-pool.js";
import { evaluateNode, type Precision } from "../../src/measure/evaluation.js";
import { encodeModel } from "../../src/onnx/encode-model.js";
import { attributesOf, opDefinition, type Fact } from "../../src/ops/index.js";

/** One operator with everything that is needed to infer, evaluate, count or run it. */
export interface OneNode {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly attributes?: Readonly<Record<string, AttributeInput | undefined>>;
  readonly opset?: number;
  readonly outputs?: number;
}

function build({ op, inputs, attributes = {}, opset = 21, outputs = 1 }: OneNode): {
  model: Model;
  node: Node;
} {
  const builder = new GraphBuilder();
  builder.graph.opsets.set("", opset);
  builder.graph.irVersion = opset >= 21 ? 10 : 8;
  const values = inputs.map((tensor, i) =>
    tensor ? builder.input(`x${i}`, { dtype: tensor.dtype, shape: tensor.dims }) : null,
  );
  const node = builder.node(op, values, attributes, {
    name: "the node",
    outputs: Array.from({ length: outputs }, (_, i) => `y${i}`),
  });
  return { model: new Model(builder.graph), node };
}

export function evaluateOne(
  one: OneNode,
  precision: Precision = "float64",
  pool: BufferPool | null = null,
): readonly Tensor[] {
  const { node } = build(one);
  const fail = (): never => {
    throw new Error("not needed here");
  };
  const context = { opset: one.opset ?? 21, precision, pool, subgraph: fail, random: fail };
  return evaluateNode(node, one.inputs, context) as readonly Tensor[];
}

export function inferOne(one: OneNode, facts: readonly (Fact | null)[]): readonly (Fact | null)[] {
  const { node } = build(one);
  const opset = one.opset ?? 21;
  const call = { node, opset, attributes: attributesOf(node, opset), inputs: facts, subgraph: () => [] };
  return opDefinition(node)!.infer(call as never);
}

export function macsOfOne(one: OneNode, facts: readonly (Fact | null)[]): number | null {
  const { node } = build(one);
  const opset = one.opset ?? 21;
  return opDefinition(node)!.macs!(
    { node, opset, attributes: attributesOf(node, opset) as never },
    facts,
    [],
  );
}

const ortTypes: Partial<Record<DType, string>> = {
  float32: "float32", float64: "float64", int8: "int8", uint8: "uint8", int32: "int32", int64: "int64", bool: "bool",
}; // prettier-ignore

/** Outputs of ONNX Runtime for the same node, float32 in and out. */
export async function runInOrt(
  one: OneNode,
): Promise<readonly { dims: readonly number[]; data: readonly number[] }[]> {
  const ort = await import("onnxruntime-node");
  const { model, node } = build(one);
  const facts = one.inputs.map((tensor) =>
    tensor ? { dtype: tensor.dtype, shape: tensor.dims, value: null, dims: null } : null,
  );
  const types = inferOne(one, facts);
  const builder = node.graph!;
  node.outputs.forEach((output, i) => {
    if (output) output.type = { dtype: types[i]!.dtype!, shape: types[i]!.shape };
    if (output) (builder.outputs as unknown[]).push(output);
  });
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 4 });
  const feeds = Object.fromEntries(
    one.inputs.flatMap((tensor, i) =>
      tensor
        ? [
            [
              `x${i}`,
              new ort.Tensor(ortTypes[tensor.dtype] as "float32", tensor.data as Float32Array, [
                ...tensor.dims,
              ]),
            ],
          ]
        : [],
    ),
  );
  const results = await session.run(feeds);
  await session.release();
  return node.outputs.map((output) => {
    const result = results[output!.name]!;
    return { dims: result.dims, data: Array.from(result.data as ArrayLike<number | bigint>, Number) };
  });
}

/** Seeded float32 values in [−1, 1). */
export function noise(dims: readonly number[], seed = 1): Tensor {
  let state = seed >>> 0;
  const count = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.f32(
    dims,
    Float32Array.from({ length: count }, () => {
      state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
      return state / 2 ** 31 - 1;
    }),
  );
}
