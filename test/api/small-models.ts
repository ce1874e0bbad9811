import { GraphBuilder, Model, Tensor } from "../../src/index.js";

/** y = x · Wᵀ + b with N×I inputs, the simplest classifier; W is O×I. */
export function linearModel(
  weight: readonly (readonly number[])[],
  bias: readonly number[] = weight.map(() => 0),
  options: { readonly input?: string; readonly output?: string; readonly batch?: number } = {},
): Model {
  const [rows, columns] = [weight.length, weight[0]!.length];
  const batch = options.batch ?? "N";
  const builder = new GraphBuilder("linear");
  const x = builder.input(options.input ?? "x", { dtype: "float32", shape: [batch, columns] });
  const w = builder.initializer("w", Tensor.f32([rows, columns], weight.flat()));
  const b = builder.initializer("b", Tensor.f32([rows], bias));
  const y = builder.op("Gemm", [x, w, b], { transB: 1 }, { name: "fc", outputs: [options.output ?? "y"] });
  builder.output(y, { dtype: "float32", shape: [batch, rows] });
  return modelOf(builder);
}

export function modelOf(builder: GraphBuilder): Model {
  builder.graph.irVersion = 8;
  builder.graph.opsets.set("", 17);
  return new Model(builder.graph);
}
