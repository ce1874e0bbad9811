import type { Worker } from "node:worker_threads";
import { isLayerOp } from "../forms/index.js";
import type { Model } from "../ir/index.js";
import type { FitJob, FitThreads, JournalValue } from "../search/index.js";

/** Multiply–accumulates of one product of every kernel with its covariance from which threads are worth their start. */
const worthwhile = 2e7;
/** Input columns of a layer above which the native library's own threads do the products better. */
const mostColumns = 1023;

const compiledFile = import.meta.url.endsWith(".js") ? new URL("./fit-thread.js", import.meta.url) : null;

interface Waiting {
  readonly job: FitJob;
  readonly resolve: (value: JournalValue | null) => void;
  readonly reject: (reason: unknown) => void;
}

/** Threads that fit layers side by side. A job that fails there is left to the caller, who meets the same error. */
export class FitPool implements FitThreads {
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #queue: Waiting[] = [];
  readonly #running = new Map<Worker, Waiting>();
  #id = 0;

  private constructor(
    workers: readonly Worker[],
    private readonly signal: AbortSignal | undefined,
  ) {
    for (const worker of workers) this.#adopt(worker);
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Null where there are no threads: in a browser, on one core, from sources that aren't compiled. */
  static async open(
    count: number | null,
    signal?: AbortSignal,
    file: URL | null = compiledFile,
  ): Promise<FitPool | null> {
    if (!file) return null;
    const [{ Worker }, { availableParallelism }] = await Promise.all([
      import("node:worker_threads"),
      import("node:os"),
    ]);
    const threads = count ?? Math.min(16, availableParallelism());
    if (threads < 2) return null;
    return new FitPool(
      Array.from({ length: threads }, () => new Worker(file)),
      signal,
    );
  }

  /** Whether a model's layers are many and large enough for threads. */
  static worthwhile(model: Model): boolean {
    let work = 0;
    for (const node of model.graph.nodes.filter(isLayerOp)) {
      const dims = node.input(1)?.constant?.dims ?? [];
      const columns = dims.slice(1).reduce((product, dim) => product * dim, 1);
      work += (dims[0] ?? 0) * columns * columns;
    }
    return work > worthwhile;
  }

  fit(job: FitJob): Promise<JournalValue | null> {
    const columns = Math.max(0, ...(job.covariances ?? []).map((data) => Math.sqrt(data.length)));
    if (columns > mostColumns || this.#all.size === 0) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.signal?.removeEventListener("abort", this.#abort);
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  readonly #abort = (): void => {
    const waiting = [...this.#queue.splice(0), ...this.#running.values()];
    this.#running.clear();
    for (const { reject } of waiting) reject(this.signal!.reason);
  };

  #adopt(worker: Worker): void {
    this.#all.add(worker);
    this.#idle.push(worker);
    worker.unref();
    worker.on("message", (answer: { readonly value?: JournalValue }) => {
      this.#idle.push(worker);
      worker.unref();
      this.#settle(worker, answer.value ?? null);
    });
    worker.on("error", () => this.#lose(worker));
    worker.on("exit", () => this.#lose(worker));
  }

  #lose(worker: Worker): void {
    this.#all.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#settle(worker, null);
    if (this.#all.size === 0) for (const { resolve } of this.#queue.splice(0)) resolve(null);
  }

  #settle(worker: Worker, value: JournalValue | null): void {
    const done = this.#running.get(worker);
    this.#running.delete(worker);
    done?.resolve(value);
    this.#next();
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop()!;
      const waiting = this.#queue.shift()!;
      this.#running.set(worker, waiting);
      worker.ref();
      worker.postMessage({ id: this.#id++, job: waiting.job });
    }
  }
}
