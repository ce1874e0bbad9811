import { z } from "zod";
import { GraphBuilder, Model, Tensor } from "../ir/index.js";
import type { Feeds, TimedModel } from "../runtime/index.js";
import { compiled, interleave } from "./interleave.js";
import { togetherMs } from "./kernels.js";
import { profileKernels } from "./profile-kernels.js";
import { quietLevel } from "./statistics.js";

/* What timing costs beside what kernels do: as much as small layers take, and the same for every model. */

/** Milliseconds on one thread. */
export const overheadsSchema = z.object({
  /** Of a run, however few kernels the model has. */
  run: z.number().nonnegative(),
  /** Of the runtime's profiler, within what it notes of every kernel. */
  profiler: z.number().nonnegative(),
});
export type Overheads = z.infer<typeof overheadsSchema>;

export const noOverheads: Overheads = { run: 0, profiler: 0 };

/** Kernels of a model that hardly does anything, and of one that does it many times. */
const [few, many] = [1, 64];
const rounds = 200;

/**
 * Of one run and of the profiler by kernel, from wall and profiled times of two chains of tiny kernels: what the longer one's
 * profile shows more than its wall time does is the profiler's. `open` opens a model on one thread.
 */
export async function measureOverheads(
  open: (model: Model, feeds: Feeds, special: { readonly profile?: boolean }) => Promise<TimedModel | null>,
  signal?: AbortSignal,
): Promise<Overheads> {
  const chains = [few, many].map(chainOf);
  const feeds: Feeds = new Map([["x", Tensor.floats("float32", [1, 16], new Float64Array(16).fill(0.1))]]);
  const profiled: number[] = [];
  for (const chain of chains) {
    const rows = await profileKernels(chain, (named) => open(named, feeds, { profile: true }), {
      ...{ runs: rounds, signal },
    });
    profiled.push(togetherMs(rows));
  }
  const opened: TimedModel[] = [];
  try {
    for (const chain of chains) {
      const timed = await open(chain, feeds, {});
      if (!timed) return noOverheads;
      opened.push(timed);
    }
    const series = await interleave(opened, { rounds, warmUpMs: compiled, oneThread: true, signal });
    const [short, long] = series.map((each) => quietLevel(each.rounds).value) as [number, number];
    const perKernel = (long - short) / (many - few);
    return {
      run: Math.max(0, short - few * perKernel),
      profiler: Math.max(0, (profiled[1]! - profiled[0]!) / (many - few) - perKernel),
    };
  } finally {
    for (const timed of opened) await timed.dispose();
  }
}

function chainOf(length: number): Model {
  const b = new GraphBuilder();
  b.graph.irVersion = 7;
  b.graph.opsets.set("", 13);
  let value = b.input("x", { dtype: "float32", shape: [1, 16] });
  for (let i = 0; i < length; i++) value = b.op("Sigmoid", [value]);
  b.output(value, { dtype: "float32", shape: [1, 16] });
  return new Model(b.graph);
}
