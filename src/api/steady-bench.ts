import type { Model } from "../ir/index.js";
import type { Benchmark } from "../report/index.js";
import { bench, type BenchOptions } from "./bench.js";

/** A measurement in which the first model takes this share longer than in another is made again so many times. */
const disturbed = 0.25;
const retries = 3;

/** Times one model in turn with others again and again, and once more where the machine was disturbed meanwhile. */
export class SteadyBench {
  /** `quickest` is what the first model is known to take, in milliseconds; `time` replaces {@link bench}. */
  constructor(
    private quickest = Infinity,
    private readonly time: typeof bench = bench,
  ) {}

  async run(models: readonly Model[], options: BenchOptions): Promise<Benchmark> {
    for (let left = retries; ; left--) {
      const timed = await this.time(models, options);
      const ms = timed.models[0]!.ms.median;
      this.quickest = Math.min(this.quickest, ms);
      if (ms <= (1 + disturbed) * this.quickest || left === 0) return timed;
    }
  }
}
