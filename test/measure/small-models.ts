import { GraphBuilder, Model, Tensor, type TensorType } from "../../src/ir/index.js";

export const f32 = (shape: TensorType["shape"]): TensorType => ({ dtype: "float32", shape });

/** A model from a function that fills its graph. */
export function buildModel(fill: (b: GraphBuilder) => void, opset = 21, irVersion = 10): Model {
  const builder = new GraphBuilder();
  builder.graph.irVersion = irVersion;
  builder.graph.opsets.set("", opset);
  fill(builder);
  return new Model(builder.graph);
}

/** 0, 1, 2 … scaled, as float32. */
export function ramp(dims: readonly number[], scale = 1): Tensor {
  const count = dims.reduce((a, b) => a * b, 1);
  return Tensor.f32(
    dims,
    Float32Array.from({ length: count }, (_, i) => i * scale),
  );
}
