/*
 * What runs inside the browser's page, as a module of its own: it loads ONNX Runtime's WebAssembly build, and times sessions
 * by number. Everything it needs is fetched from the page's own origin, which the host answers.
 */

/** Origin of the page; nothing of it ever leaves the process. */
export const origin = "http://localhost:9";

export const pageHtml =
  "<!doctype html><meta charset=utf-8><title>convopt bench</title><script type=module src=/page.js></script>";

export const pageScript = `
import * as ort from "/ort/ort.wasm.min.mjs";
ort.env.logLevel = "fatal";
ort.env.wasm.wasmPaths = "/ort/";
const arrays = {
  float32: Float32Array, float64: Float64Array, float16: Uint16Array, int8: Int8Array, uint8: Uint8Array,
  int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array,
  uint64: BigUint64Array, bool: Uint8Array,
};
const bytesAt = async (path) => (await fetch(path)).arrayBuffer();
const opened = new Map();
globalThis.convopt = {
  async open(id, threads, feeds) {
    ort.env.wasm.numThreads = threads;
    const session = await ort.InferenceSession.create(new Uint8Array(await bytesAt("/model/" + id)), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
    });
    const tensors = {};
    for (const [i, { name, type, dims }] of feeds.entries()) {
      const data = new arrays[type](await bytesAt("/feed/" + id + "/" + i));
      tensors[name] = new ort.Tensor(type, data, dims);
    }
    opened.set(id, { session, tensors });
  },
  async run(id) {
    const { session, tensors } = opened.get(id);
    const start = performance.now();
    await session.run(tensors);
    return performance.now() - start;
  },
  async close(id) {
    const { session } = opened.get(id);
    opened.delete(id);
    await session.release();
  },
};
`;
