import { seededRandom } from "../linalg/index.js";
import type { TimedRun } from "../runtime/index.js";

/** Something whose runs are timed. */
export interface Subject {
  run(): Promise<TimedRun>;
}

export interface InterleaveOptions {
  /** Rounds at most; in each every subject has one turn. */
  readonly rounds: number;
  /** Milliseconds after which no further round begins, once there are `leastRounds`; no limit by default. */
  readonly budget?: number;
  readonly leastRounds?: number;
  /** Runs before the first round that don't count; 2 by default. */
  readonly warmUp?: number;
  /**
   * Milliseconds that a subject's runs before the first round take at least. The first hundred runs of a process wait for
   * the compiler of what is around them: see {@link compiled}.
   */
  readonly warmUpMs?: number;
  /** Milliseconds that the counted runs of a turn take at least together, so that short runs are averaged; 0 is one run. */
  readonly turn?: number;
  /**
   * Milliseconds of uncounted runs at the start of a turn, one run at least unless a run is long: caches hold the subject's
   * own data again and worker threads of the one before are done spinning.
   */
  readonly settle?: number;
  /** The subjects run on one thread: their processor time is what they would take undisturbed. */
  readonly oneThread?: boolean;
  /**
   * A turn's first run counts, right behind another subject's: caches hold nothing of it, as where a program does other
   * work between two runs. By default runs shorter than {@link longRun} ms have an uncounted one before them.
   */
  readonly cold?: boolean;
  /** Runs once, uncounted, before every counted run and leaves the caches as the work around a subject does. */
  readonly stir?: Subject;
  /** Counted runs of a turn at least; 1 by default. */
  readonly repeats?: number;
  /** Seed of the order within the rounds. */
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
  onRound?(done: number, rounds: number): void;
}

/**
 * Turns of subjects with several threads: the workers of one session spin for some 40 ms after a run, which has to be over
 * before another's runs count.
 */
export const undisturbed = { settle: 60, turn: 10 } as const satisfies Partial<InterleaveOptions>;

/** Milliseconds of runs after which JavaScript around them is compiled: short runs are many then. */
export const compiled = 50;

/** Timings of one subject. */
export interface Series {
  /** All counted runs, in milliseconds. */
  readonly runs: readonly number[];
  /** How many of them the system interrupted. */
  readonly preempted: number;
  /**
   * The quickest run of each round's turn, of those that the system didn't interrupt where there is one; with `oneThread`
   * interrupted ones count with their processor time. Value n of every series is of round n.
   */
  readonly rounds: readonly number[];
}

/**
 * Times subjects in turns: in every round each of them once, in a shuffled order, so that whatever else the machine does
 * falls on all alike. Drift is then in every round's ratio, not between the subjects.
 */
export async function interleave(
  subjects: readonly Subject[],
  o: InterleaveOptions,
): Promise<readonly Series[]> {
  const random = seededRandom(o.seed ?? 0).fork("interleave");
  const series = subjects.map(() => ({ runs: [] as number[], rounds: [] as number[], preempted: 0 }));
  const lengths = subjects.map(() => 0);
  for (const [index, subject] of subjects.entries()) {
    let spent = 0;
    for (let i = 0; i < (o.warmUp ?? 2) || (spent < (o.warmUpMs ?? 0) && i < mostRuns); i++) {
      o.signal?.throwIfAborted();
      spent += lengths[index] = (await subject.run()).ms;
    }
  }
  const start = performance.now();
  for (let round = 0; round < o.rounds; round++) {
    const spent = performance.now() - start;
    if (round >= (o.leastRounds ?? 1) && o.budget !== undefined && spent > o.budget) break;
    const order = random.shuffle(Int32Array.from(subjects, (_, i) => i));
    for (const index of order) {
      o.signal?.throwIfAborted();
      const settles = !o.stir && !o.cold && ((o.settle ?? 0) > 0 || lengths[index]! < longRun);
      const runs = await turn(subjects[index]!, settles ? (o.settle ?? 0) : null, o);
      series[index]!.runs.push(...runs.map(({ ms }) => ms));
      series[index]!.preempted += runs.filter(({ preempted }) => preempted).length;
      series[index]!.rounds.push(quickest(runs, o.oneThread ?? false));
    }
    o.onRound?.(round + 1, o.rounds);
  }
  return series;
}

function quickest(runs: readonly TimedRun[], oneThread: boolean): number {
  const clean = runs.filter(({ preempted }) => !preempted);
  if (clean.length > 0) return Math.min(...clean.map(({ ms }) => ms));
  return Math.min(...runs.map(({ ms, cpu }) => (oneThread ? Math.min(ms, cpu) : ms)));
}

/** Runs of this many milliseconds need no other before them. */
const longRun = 20;

/** Runs of a turn at most, counted or not: for subjects that take no time at all. */
const mostRuns = 1000;
/** Runs that a turn is prolonged by while all of its runs were interrupted. */
const mostRetries = 4;

async function turn(
  subject: Subject,
  settle: number | null,
  { turn: least = 0, repeats = 1, stir, oneThread }: InterleaveOptions,
): Promise<TimedRun[]> {
  if (settle !== null) {
    let spent = (await subject.run()).ms;
    for (let i = 1; spent < settle && i < mostRuns; i++) spent += (await subject.run()).ms;
  }
  const runs: TimedRun[] = [];
  let [spent, retries] = [0, 0];
  for (;;) {
    if (stir) await stir.run();
    const run = await subject.run();
    runs.push(run);
    spent += run.ms;
    if ((spent < least && runs.length < mostRuns) || runs.length < repeats) continue;
    const clean = runs.some(({ preempted }) => !preempted) || (oneThread && run.ms > longRun);
    if (clean || retries++ >= mostRetries) return runs;
  }
}

/** Of the rounds with several threads this share counts, and so many at least. */
const bestShare = 0.25;
const leastBest = 5;

/**
 * The rounds in which the first model was quickest. Hosts of virtual machines move their cores apart for seconds at a time,
 * which adds the same to every kernel that cores share: models are then timed partly in one state and partly in the other.
 */
export function atBest(series: readonly Series[]): Series[] {
  const order = [...series[0]!.rounds.keys()].sort((a, b) => series[0]!.rounds[a]! - series[0]!.rounds[b]!);
  const best = order.slice(0, Math.max(leastBest, Math.ceil(bestShare * order.length)));
  return series.map((each) => ({ ...each, rounds: best.map((round) => each.rounds[round]!) }));
}
