import type { InferenceSession } from "onnxruntime-common";
import { attributes, attr, GraphBuilder, Model, type DType } from "../ir/index.js";
import { matrix, type Gemm, type Matrix, type MultiplyOptions } from "../linalg/index.js";
import { loadOrt, type LoadedOrt } from "./ort-module.js";
import { selfContained } from "./message.js";

export interface OrtGemmOptions {
  /** Element type of the products; float32 is about twice as fast and rounds inputs and results. */
  readonly precision?: "float64" | "float32";
  /** Intra-op threads; 0 lets the runtime decide. */
  readonly threads?: number;
}

/** Products of fewer multiply–accumulates are not worth the way through the binding. */
export const worthwhileMacs = 2 ** 16;

/** linalg's Gemm through ONNX Runtime's Gemm operator; null where ONNX Runtime isn't installed. */
export async function createOrtGemm(
  o: OrtGemmOptions = {},
): Promise<(Gemm & { dispose(): Promise<void> }) | null> {
  const loaded = await loadOrt();
  if (!("ort" in loaded)) return null;
  const dtype = o.precision ?? "float64";
  const sessions = new Map<string, Promise<InferenceSession>>();
  const sessionFor = (transA: boolean, transB: boolean): Promise<InferenceSession> => {
    const key = `${transA},${transB}`;
    let session = sessions.get(key);
    if (!session) sessions.set(key, (session = openGemm(loaded, dtype, transA, transB, o.threads ?? 0)));
    return session;
  };
  return {
    name: `onnxruntime ${loaded.version} ${dtype}`,
    multiply: async (a, b, options = {}) => {
      const size = productSize(a, b, options);
      if (size.rows * size.cols * size.inner === 0) return matrix(size.rows, size.cols);
      const session = await sessionFor(options.transA ?? false, options.transB ?? false);
      const result = await session.run({ a: tensorOf(a, loaded, dtype), b: tensorOf(b, loaded, dtype) });
      const data = result["y"]!.data as Float64Array | Float32Array;
      return matrix(size.rows, size.cols, data instanceof Float64Array ? data : Float64Array.from(data));
    },
    dispose: async () => {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}

function productSize(
  a: Matrix,
  b: Matrix,
  o: MultiplyOptions,
): { rows: number; cols: number; inner: number } {
  const [rows, inner] = o.transA ? [a.cols, a.rows] : [a.rows, a.cols];
  const [other, cols] = o.transB ? [b.cols, b.rows] : [b.rows, b.cols];
  if (inner === other) return { rows, cols, inner };
  throw new RangeError(`cannot multiply matrices whose inner sizes ${inner} and ${other} differ`);
}

function tensorOf(
  { rows, cols, data }: Matrix,
  { ort }: LoadedOrt,
  dtype: "float64" | "float32",
): InstanceType<LoadedOrt["ort"]["Tensor"]> {
  return dtype === "float64"
    ? new ort.Tensor("float64", data, [rows, cols])
    : new ort.Tensor("float32", Float32Array.from(data), [rows, cols]);
}

function openGemm(
  { ort }: LoadedOrt,
  dtype: DType,
  transA: boolean,
  transB: boolean,
  threads: number,
): Promise<InferenceSession> {
  const builder = new GraphBuilder("gemm");
  const a = builder.input("a", { dtype, shape: [null, null] });
  const b = builder.input("b", { dtype, shape: [null, null] });
  const flags = attributes({ transA: attr.int(transA ? 1 : 0), transB: attr.int(transB ? 1 : 0) });
  builder.output(builder.op("Gemm", [a, b], flags, { outputs: ["y"] }), { dtype, shape: [null, null] });
  builder.graph.irVersion = 8;
  builder.graph.opsets.set("", 13);
  return ort.InferenceSession.create(selfContained(new Model(builder.graph)), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
}
