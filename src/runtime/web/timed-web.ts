import type { Model, Tensor } from "../../ir/index.js";
import { UnsupportedError } from "../../ir/index.js";
import { requestedOutputs } from "../../measure/index.js";
import type { Feeds } from "../executor.js";
import { guardModel } from "../guard.js";
import { ortError } from "../ort-errors.js";
import { ortInterface } from "../ort-interface.js";
import { runtimeSource } from "../message.js";
import type { TimedModel } from "../timed.js";
import { openWebPage, type WebPage } from "./browser.js";

/** The one page of this process: it closes with the last model in it. */
let shared: { readonly page: Promise<WebPage>; models: number } | null = null;
let models = 0;

/**
 * Opens a model in a browser, for its time there: ONNX Runtime's WebAssembly build with SIMD, as web pages run it. 0 threads
 * are as many as the page has cores. An UnsupportedError when the packages or a browser are missing, a ModelError when the
 * runtime refuses the model.
 */
export async function openTimedWeb(model: Model, feeds: Feeds, threads: number): Promise<TimedModel> {
  guardModel(model);
  const outputs = requestedOutputs(model.graph, undefined).map(({ name }) => name);
  const { model: given, nameOf } = ortInterface(model, outputs);
  const source = await runtimeSource(given);
  const page = await enter();
  const id = ++models;
  const paths = [`/model/${id}`];
  try {
    page.serve(paths[0]!, inMemory(source.model));
    const described = [...feeds].map(([name, tensor], i) => {
      paths.push(`/feed/${id}/${i}`);
      page.serve(paths.at(-1)!, feedBytes(tensor, name));
      return { name: nameOf(name), type: tensor.dtype, dims: tensor.dims };
    });
    await page.call("open", id, threads, described);
  } catch (error) {
    await leave();
    throw ortError(error);
  } finally {
    for (const path of paths) page.withdraw(path);
    await source.dispose();
  }
  return {
    engine: page.engine,
    async run() {
      const ms = await page.call<number>("run", id);
      // A page isn't told who took its processor.
      return { ms, cpu: ms, preempted: false };
    },
    kernels: () => Promise.resolve([]),
    async dispose() {
      await page.call("close", id);
      await leave();
    },
  };
}

/** The engine's name, as reports have it. */
export async function webEngine(): Promise<string> {
  const { engine } = await enter();
  await leave();
  return engine;
}

async function enter(): Promise<WebPage> {
  shared ??= { page: openWebPage(), models: 0 };
  shared.models++;
  try {
    return await shared.page;
  } catch (error) {
    shared = null;
    throw error;
  }
}

async function leave(): Promise<void> {
  if (!shared || --shared.models > 0) return;
  const { page } = shared;
  shared = null;
  await (await page).close();
}

function inMemory(source: Uint8Array | string): Uint8Array {
  if (typeof source !== "string") return source;
  throw new UnsupportedError("E_RUNTIME_UNSUPPORTED", "the model is too big for a page of the browser");
}

const carried = new Set<string>([
  "float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool",
]); // prettier-ignore

function feedBytes(tensor: Tensor, name: string): Uint8Array {
  if (carried.has(tensor.dtype)) return tensor.bytes();
  throw new UnsupportedError("E_UNSUPPORTED_DTYPE", `the page takes no ${tensor.dtype} tensors`, {
    where: { tensor: name },
  });
}
