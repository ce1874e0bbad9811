import type { Model, Tensor } from "../../ir/index.js";
import { UnsupportedError } from "../../ir/index.js";
import { requestedOutputs } from "../../measure/index.js";
import type { Feeds } from "../executor.js";
import { guardModel } from "../guard.js";
import { ortError } from "../ort-errors.js";
import { ortInterface } from "../ort-interface.js";
import { carried } from "../ort-tensor.js";
import { runtimeSource } from "../message.js";
import type { TimedModel } from "../timed.js";
import { openWebPage, type WebPage } from "./browser.js";

/** The one page of this process: it closes with the last model in it. */
let shared: { readonly page: Promise<WebPage>; models: number } | null = null;
let models = 0;

export interface WebOptions {
  /** Of the first model in a page, and then of all; 0 lets the runtime decide. */
  readonly threads?: number | undefined;
  /** Program of the browser; one in the usual places by default. */
  readonly browser?: string | undefined;
}

/**
 * Opens a model in a browser, for its time there: ONNX Runtime's WebAssembly build with SIMD, as web pages run it. An
 * UnsupportedError when the packages or a browser are missing, a ModelError when the runtime refuses the model.
 */
export async function openTimedWeb(
  model: Model,
  feeds: Feeds,
  { threads = 0, browser }: WebOptions,
): Promise<TimedModel> {
  guardModel(model);
  const page = await enter(browser);
  const id = ++models;
  try {
    await sendModel(page, id, model, feeds, threads);
  } catch (error) {
    await leave();
    throw ortError(error);
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
      try {
        await page.call("close", id);
      } finally {
        await leave();
      }
    },
  };
}

/** Lets the page fetch the model and its feeds, and open a session on them. */
async function sendModel(
  page: WebPage,
  id: number,
  model: Model,
  feeds: Feeds,
  threads: number,
): Promise<void> {
  const outputs = requestedOutputs(model.graph, undefined).map(({ name }) => name);
  const { model: given, nameOf } = ortInterface(model, outputs);
  const source = await runtimeSource(given);
  const paths: string[] = [];
  const serve = (path: string, body: Uint8Array): void => {
    paths.push(path);
    page.serve(path, body);
  };
  try {
    serve(`/model/${id}`, inMemory(source.model));
    const described = [...feeds].map(([name, tensor], i) => {
      serve(`/feed/${id}/${i}`, feedBytes(tensor, name));
      return { name: nameOf(name), type: tensor.dtype, dims: tensor.dims };
    });
    await page.call("open", id, threads, described);
  } finally {
    for (const path of paths) page.withdraw(path);
    await source.dispose();
  }
}

/** The engine's name, as reports have it. */
export async function webEngine(browser?: string): Promise<string> {
  const { engine } = await enter(browser);
  await leave();
  return engine;
}

async function enter(browser: string | undefined): Promise<WebPage> {
  shared ??= { page: openWebPage(browser ?? null), models: 0 };
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

function feedBytes(tensor: Tensor, name: string): Uint8Array {
  if (carried.has(tensor.dtype) && tensor.dtype !== "string") return tensor.bytes();
  throw new UnsupportedError("E_UNSUPPORTED_DTYPE", `the page takes no ${tensor.dtype} tensors`, {
    where: { tensor: name },
  });
}
