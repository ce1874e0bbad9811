import { afterEach, describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { FitPool } from "../../src/api/fit-pool.js";
import { runFitJob, type FitJob } from "../../src/search/index.js";
import { seededRandom } from "../../src/linalg/index.js";

/** As `npm test` has just built it. */
const built = new URL("../../dist/fit-thread.js", import.meta.url);
const random = seededRandom(3);
const values = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());

function job(families: readonly string[]): FitJob {
  const spec = {
    inChannels: 4,
    outChannels: 6,
    kernel: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [1, 1, 1, 1],
    group: 1,
  };
  return {
    task: "candidates",
    layer: {
      name: "conv",
      op: "Conv",
      spec,
      weight: values(216),
      bias: values(6),
      dtype: "float32",
      inputShape: [8, 8],
      outputShape: [8, 8],
      macs: 216 * 64,
    },
    covariances: null,
    families,
    effort: { sizes: 3, rounds: [{ steps: 3, slack: 1.2 }] },
    estimates: null,
  };
}

describe("threads for fits", () => {
  let pool: FitPool | null = null;
  afterEach(async () => {
    await pool?.close();
  });

  it("give the bytes that this thread gives, whatever the order they finish in", async () => {
    pool = await FitPool.open(2, undefined, built);
    const jobs = [
      job(["reduce-out", "spatially-separable"]),
      job(["depthwise-separable"]),
      job(["reduce-in"]),
    ];
    const there = await Promise.all(jobs.map((one) => pool!.fit(one)));
    for (const [i, one] of jobs.entries()) expect(there[i]).toEqual(await runFitJob(one, preset.families));
  }, 60_000);

  it("leave a job that fails to the caller, and go on with the next", async () => {
    pool = await FitPool.open(2, undefined, built);
    expect(await pool!.fit(job(["no-such-family"]))).toBeNull();
    expect(await pool!.fit(job(["reduce-out"]))).not.toBeNull();
  }, 60_000);

  it("reject what is under way when the run is aborted", async () => {
    const abort = new AbortController();
    pool = await FitPool.open(2, abort.signal, built);
    const running = pool!.fit(job(["reduce-out"]));
    abort.abort(new Error("stopped"));
    await expect(running).rejects.toThrow("stopped");
  }, 60_000);

  it("are not opened for one", async () => {
    expect(await FitPool.open(1, undefined, built)).toBeNull();
  });
});
