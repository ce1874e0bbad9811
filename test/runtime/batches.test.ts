import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, Tensor } from "../../src/ir/index.js";
import {
  fixedBatchOf,
  openExecutor,
  runBatches,
  type BatchSource,
  type Executor,
} from "../../src/runtime/index.js";
import { buildModel, f32 } from "../measure/small-models.js";

/** Samples 0 … count − 1, each a vector of two. */
function source(count: number, sizes: number[] = []): BatchSource {
  return {
    count,
    batch: (start, end) => {
      sizes.push(end - start);
      const values = Array.from({ length: 2 * (end - start) }, (_, i) => start + Math.floor(i / 2));
      return new Map([["x", Tensor.f32([end - start, 2], values)]]);
    },
  };
}

function executor(run: (x: Tensor) => Tensor, fixedBatch: number | null = null): Executor {
  return {
    engine: "test",
    notice: null,
    fixedBatch,
    run: (feeds) => Promise.resolve().then(() => new Map([["y", run(feeds.get("x")!)]])),
    dispose: () => Promise.resolve(),
  };
}

async function collect(engine: Executor, data: BatchSource, batchSize: number): Promise<number[]> {
  const seen: number[] = [];
  await runBatches(
    engine,
    data,
    (outputs, start, end) => {
      const y = outputs.get("y")!;
      expect([start, y.dims[0]]).toEqual([seen.length / 2, end - start]);
      seen.push(...y.numbers);
    },
    { batchSize },
  );
  return seen;
}

const doubled = (count: number): number[] =>
  Array.from({ length: 2 * count }, (_, i) => Math.floor(i / 2) * 2);
const double = (x: Tensor): Tensor =>
  Tensor.f32(
    x.dims,
    x.numbers.map((value) => 2 * value),
  );

describe("runBatches", () => {
  it("gives every sample once, in order, whatever the sizes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.option(fc.integer({ min: 1, max: 9 })),
        async (count, size, fixed) => {
          const engine = executor((x) => {
            if (fixed !== null) expect(x.dims[0]).toBe(fixed);
            return double(x);
          }, fixed);
          expect(await collect(engine, source(count), size)).toEqual(doubled(count));
        },
      ),
    );
  });

  it("runs sample by sample where the model fails on batches", async () => {
    const sizes: number[] = [];
    const engine = executor((x) => {
      if (x.dims[0] !== 1) throw new ModelError("E_SHAPE", "one at a time");
      return double(x);
    });
    expect(await collect(engine, source(5, sizes), 4)).toEqual(doubled(5));
    expect(sizes).toEqual([4, 1, 1, 1, 1, 1]);
  });

  it("runs sample by sample where the model mixes them up", async () => {
    const engine = executor((x) => double(x).reshape([1, x.size]));
    const seen: number[] = [];
    await runBatches(engine, source(3), (outputs) => void seen.push(...outputs.get("y")!.numbers), {
      batchSize: 3,
    });
    expect(seen).toEqual(doubled(3));
  });

  it("passes errors of single samples and of our own on", async () => {
    const failing = executor(() => {
      throw new ModelError("E_SHAPE", "never");
    });
    await expect(collect(failing, source(3), 2)).rejects.toThrow("never");
    const broken = executor(() => {
      throw new TypeError("a bug");
    });
    await expect(collect(broken, source(3), 2)).rejects.toThrow(TypeError);
  });

  it("reports progress and stops when aborted", async () => {
    const controller = new AbortController();
    const progress: number[] = [];
    const attempt = runBatches(executor(double), source(10), () => undefined, {
      batchSize: 3,
      signal: controller.signal,
      onProgress: (done, total) => {
        progress.push(done / total);
        if (done >= 6) controller.abort();
      },
    });
    await expect(attempt).rejects.toThrow(expect.objectContaining({ name: "AbortError" }) as Error);
    expect(progress).toEqual([0.3, 0.6]);
  });

  it.each(["ort", "reference"] as const)("works with %s and a fixed batch", async (engine) => {
    const model = buildModel((b) => {
      b.input("x", f32([4, 2]));
      b.output(b.op("Add", ["x", "x"], {}, { outputs: ["y"] }));
    });
    expect(fixedBatchOf(model)).toBe(4);
    const opened = await openExecutor(model, { engine });
    expect(await collect(opened, source(10), 32)).toEqual(doubled(10));
    await opened.dispose();
  });
});
