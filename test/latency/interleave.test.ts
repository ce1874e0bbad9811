import { describe, expect, it } from "vitest";
import { atBest, interleave, type Series, type Subject } from "../../src/latency/index.js";

interface Trace {
  readonly order: string[];
  subject(name: string, times: readonly number[], preempted?: (run: number) => boolean): Subject;
}

function trace(): Trace {
  const order: string[] = [];
  return {
    order,
    subject(name, times, preempted = () => false) {
      let run = 0;
      return {
        run: () => {
          order.push(name);
          const ms = times[run % times.length]!;
          return Promise.resolve({ ms, cpu: ms / 2, preempted: preempted(run++) });
        },
      };
    },
  };
}

describe("interleave", () => {
  it("gives every subject one turn a round, in an order of its own each round", async () => {
    const { order, subject } = trace();
    const names = ["a", "b", "c", "d"];
    await interleave(
      names.map((name) => subject(name, [30])),
      { rounds: 12, warmUp: 1 },
    );
    expect(order.slice(0, 4)).toEqual(names);
    const rounds = Array.from({ length: 12 }, (_, round) => order.slice(4 + 4 * round, 8 + 4 * round));
    for (const round of rounds) expect([...round].sort()).toEqual(names);
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(4);
  });

  it("takes cold runs one at a time, right behind another subject's", async () => {
    const { order, subject } = trace();
    const [short] = await interleave([subject("a", [1]), subject("b", [1])], {
      rounds: 10,
      warmUp: 1,
      cold: true,
    });
    expect(order).toHaveLength(2 + 20);
    expect(short!.runs).toHaveLength(10);
    order.length = 0;
    await interleave([subject("a", [1]), subject("b", [1])], { rounds: 10, warmUp: 1 });
    expect(order).toHaveLength(2 + 40);
  });

  it("warms short subjects up with many runs, and long ones with two", async () => {
    const { order, subject } = trace();
    const subjects = [subject("a", [4]), subject("b", [30]), subject("c", [0])];
    const [short] = await interleave(subjects, { rounds: 1, warmUpMs: 50, cold: true });
    const counts = ["a", "b", "c"].map((name) => order.slice(0, -3).filter((each) => each === name).length);
    expect(counts).toEqual([13, 2, 1000]);
    expect(short!.runs).toHaveLength(1);
  });

  it("shuffles alike for the same seed", async () => {
    const orders: string[][] = [];
    for (const seed of [1, 1, 2]) {
      const { order, subject } = trace();
      await interleave([subject("a", [30]), subject("b", [30]), subject("c", [30])], { rounds: 8, seed });
      orders.push(order);
    }
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toEqual(orders[2]);
  });

  it("doesn't count the run at the start of a turn and fills short turns", async () => {
    const { subject } = trace();
    const [series] = await interleave([subject("a", [9, 0.5, 4])], { rounds: 3, warmUp: 0, turn: 4 });
    // Uncounted 9, then 0.5 and 4: two runs make 4 ms.
    expect(series!.runs).toHaveLength(6);
    expect(series!.rounds).toEqual([0.5, 0.5, 0.5]);
  });

  it("spends the time to settle before it counts", async () => {
    const { order, subject } = trace();
    const [series] = await interleave([subject("a", [10])], { rounds: 1, warmUp: 0, settle: 35 });
    expect(series!.runs).toHaveLength(1);
    expect(order).toHaveLength(5);
  });

  it("counts long runs at once", async () => {
    const { order, subject } = trace();
    await interleave([subject("a", [50])], { rounds: 4, warmUp: 1 });
    expect(order).toHaveLength(5);
  });

  it("stirs before every counted run", async () => {
    const { order, subject } = trace();
    await interleave([subject("a", [1])], { rounds: 2, warmUp: 0, repeats: 2, stir: subject("x", [1]) });
    expect(order.join("")).toBe("xaxaxaxa");
  });

  it("prefers runs that nobody interrupted, and tries for one", async () => {
    const { subject } = trace();
    const times = [99, 1, 7, 8, 99, 6];
    const often = subject("a", times, (run) => run % 6 !== 3);
    const [series] = await interleave([often], { rounds: 1, warmUp: 0 });
    expect(series!.rounds).toEqual([8]);
    expect(series!.runs).toEqual([1, 7, 8]);
    expect(series!.preempted).toBe(2);
    const [always] = await interleave([subject("b", [4], () => true)], {
      rounds: 2,
      warmUp: 0,
      oneThread: true,
    });
    expect(always!.rounds).toEqual([2, 2]);
    const [several] = await interleave([subject("c", [4], () => true)], { rounds: 1, warmUp: 0 });
    expect(several!.rounds).toEqual([4]);
    expect(several!.runs).toHaveLength(5);
  });

  it("begins no round after its time, but has the least number of them", async () => {
    const { subject } = trace();
    const [one] = await interleave([subject("a", [1])], { rounds: 1000, budget: -1 });
    expect(one!.rounds).toHaveLength(1);
    const [four] = await interleave([subject("a", [1])], { rounds: 1000, budget: -1, leastRounds: 4 });
    expect(four!.rounds).toHaveLength(4);
  });

  it("ends for subjects that take no time, and when it is told to", async () => {
    const { subject } = trace();
    const [none] = await interleave([subject("a", [0])], { rounds: 1, turn: 5, settle: 5 });
    expect(none!.rounds).toEqual([0]);
    const stopped = AbortSignal.abort();
    await expect(interleave([subject("a", [1])], { rounds: 1, signal: stopped })).rejects.toThrow(/abort/);
  });
});

describe("rounds with several threads", () => {
  it("count where the first model was quickest: other states of the machine add the same to all", () => {
    const state = Float64Array.from(
      { length: 40 },
      (_, round) => (round < 25 ? 0.2 : 0) + 0.001 * (round % 3),
    );
    const series = [0.5, 0.2].map((ms): Series => {
      const rounds = [...state].map((more) => ms + more);
      return { runs: rounds, rounds, preempted: 0 };
    });
    const [first, second] = atBest(series);
    expect(first!.rounds).toHaveLength(10);
    expect(Math.max(...first!.rounds)).toBeLessThan(0.51);
    for (const [i, ms] of second!.rounds.entries()) expect(ms - first!.rounds[i]!).toBeCloseTo(-0.3, 12);
    expect(
      atBest(series.map((each) => ({ ...each, rounds: each.rounds.slice(0, 3) })))[1]!.rounds,
    ).toHaveLength(3);
  });
});
