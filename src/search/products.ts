import { GraphBuilder, Model, Tensor } from "../ir/index.js";
import { matrix, multiply, type Matrix } from "../linalg/index.js";
import { WholeCovariance, type Covariance, type Products } from "../forms/index.js";
import type { Executor } from "../runtime/index.js";

/** Covariances of fewer columns stay in TypeScript. */
const fewestColumns = 1024;
/** Products of fewer multiply–accumulates stay in TypeScript. */
const worthwhile = 2_000_000;

/**
 * Products of fits as small models: E ↦ E · C with C inside, so that a covariance goes to the runtime once and not with
 * every product, and a · bᵀ. Executors are opened on first use and live until they are released.
 */
export class RuntimeProducts {
  readonly #opened = new Set<Promise<Executor>>();
  #plain: Promise<Executor> | null = null;

  constructor(private readonly open: (model: Model) => Promise<Executor>) {}

  /** Null for covariances so small that TypeScript is about as fast: their fits are the same in whatever thread. */
  readonly of = (covariance: Covariance): Products | null => {
    if (covariance.size < fewestColumns) return null;
    let executor: Promise<Executor> | null = null;
    return {
      inMetric: async (error) => {
        executor ??= this.#track(this.open(metricModel(covariance)));
        return this.#run(await executor, new Map([["a", tensorOf(error)]]), error.rows, covariance.size);
      },
      multiplyTransposed: async (a, b) => {
        if (a.rows * a.cols * b.rows < worthwhile) return multiply(a, b, { transB: true });
        this.#plain ??= this.#track(this.open(plainModel()));
        return this.#run(
          await this.#plain,
          new Map([
            ["a", tensorOf(a)],
            ["b", tensorOf(b)],
          ]),
          a.rows,
          b.rows,
        );
      },
      release: async () => {
        if (!executor) return;
        const opened = executor;
        executor = null;
        this.#opened.delete(opened);
        await (await opened).dispose();
      },
    };
  };

  async dispose(): Promise<void> {
    for (const executor of this.#opened) await (await executor).dispose();
    this.#opened.clear();
    this.#plain = null;
  }

  #track(executor: Promise<Executor>): Promise<Executor> {
    this.#opened.add(executor);
    return executor;
  }

  async #run(
    executor: Executor,
    feeds: ReadonlyMap<string, Tensor>,
    rows: number,
    cols: number,
  ): Promise<Matrix> {
    const outputs = await executor.run(feeds);
    return matrix(rows, cols, outputs.get("y")!.data as Float64Array);
  }
}

function tensorOf({ rows, cols, data }: Matrix): Tensor {
  return Tensor.of("float64", [rows, cols], data);
}

function metricModel(covariance: Covariance): Model {
  const builder = new GraphBuilder("metric");
  const a = builder.input("a", { dtype: "float64", shape: [null, covariance.size] });
  if (covariance instanceof WholeCovariance)
    return finish(builder, "MatMul", [a, builder.initializer("c", tensorOf(covariance.matrix))], {});
  const rows = builder.initializer("rows", tensorOf(covariance.rows));
  const seen = builder.op("Gemm", [a, rows], { transB: 1 });
  const diagonal = builder.initializer(
    "diagonal",
    Tensor.of("float64", [covariance.size], covariance.diagonal),
  );
  const parts = [builder.op("MatMul", [seen, rows]), builder.op("Mul", [a, diagonal])];
  return finish(builder, "Add", parts, {});
}

function plainModel(): Model {
  const builder = new GraphBuilder("product");
  const [a, b] = ["a", "b"].map((name) => builder.input(name, { dtype: "float64", shape: [null, null] }));
  return finish(builder, "Gemm", [a!, b!], { transB: 1 });
}

function finish(
  builder: GraphBuilder,
  op: string,
  inputs: Parameters<GraphBuilder["op"]>[1],
  attrs: Record<string, number>,
): Model {
  builder.output(builder.op(op, inputs, attrs, { outputs: ["y"] }), {
    dtype: "float64",
    shape: [null, null],
  });
  builder.graph.irVersion = 8;
  builder.graph.opsets.set("", 17);
  return new Model(builder.graph);
}
