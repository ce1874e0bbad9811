import { load, verify, type Model } from "../../src/index.js";
import { ConvoptError } from "../../src/ir/index.js";
import { runPeer } from "./peers.js";

export interface FaultRequest {
  readonly model: string;
  readonly folder: string;
  readonly faults: number;
  readonly reexports: number;
  readonly inputs: number;
  readonly seed: number;
  readonly data?: string;
  readonly preprocess?: string;
}

interface Fault {
  readonly file: string;
  readonly kind: string;
  /** The nodes that hold the fault: several where they share the weight. */
  readonly node: readonly string[];
  readonly what: string;
  /** Relative L2 by output in ONNX Runtime; null for outputs that are not finite. */
  readonly effect: Readonly<Record<string, number | null>>;
}

export interface Planted {
  readonly floor: Readonly<Record<string, number>>;
  readonly faults: readonly Fault[];
  readonly reexports: readonly Pick<Fault, "file" | "kind" | "effect">[];
}

export interface JudgedFile {
  readonly file: string;
  readonly kind: string;
  readonly what: string;
  /** A fault: its effect over the floor, the worst output against the worst floor. */
  readonly ratio: number;
  readonly fault: boolean;
  /** Whether verify fails. */
  readonly flagged: boolean;
  readonly measured: string;
  /** What bisect names, for faults that verify flags. */
  readonly named: string | null;
  readonly expected: readonly string[];
  /** Flagged and named as the ground truth has it; faults below twice the floor are right either way. */
  readonly right: boolean;
}

/** Makes and measures corrupted files and re-exports with the Python peer. */
export function plantFaults(request: FaultRequest): Planted {
  return runPeer("planted_faults.py", request, { timeoutMs: 3_600_000 }) as Planted;
}

/** Verifies every file against its model, without any option; bisects what fails. */
export async function* judgeFaults(path: string, planted: Planted): AsyncGenerator<JudgedFile> {
  const model = await load(path);
  const floor = Math.max(...Object.values(planted.floor));
  const ratioOf = (effect: Fault["effect"]): number =>
    Math.max(...Object.values(effect).map((error) => error ?? Infinity)) / floor;
  for (const fault of planted.faults) {
    const ratio = ratioOf(fault.effect);
    const { flagged, measured, named } = await judge(model, fault.file, true);
    const counts = ratio > 2;
    const right = !counts || (flagged && (named === null || fault.node.includes(named)));
    yield { ...fault, fault: true, ratio, flagged, measured, named, expected: fault.node, right };
  }
  for (const same of planted.reexports) {
    const { flagged, measured } = await judge(model, same.file, false);
    const ratio = ratioOf(same.effect);
    yield {
      ...same,
      what: "",
      fault: false,
      ratio,
      flagged,
      measured,
      named: null,
      expected: [],
      right: !flagged,
    };
  }
}

async function judge(
  model: Model,
  file: string,
  bisect: boolean,
): Promise<{ flagged: boolean; measured: string; named: string | null }> {
  try {
    const result = await verify(model, await load(file), { bisect, threads: 1, shapes: shapesOf(model) });
    const measured = result.limits.map((x) => `${x.name} ${x.measured}/${x.limit}`).join(", ");
    const named = result.ok ? null : (result.bisection?.first?.other ?? null);
    return { flagged: !result.ok, measured, named };
  } catch (error) {
    // A file that can't be run is refused, which is an answer too.
    if (!(error instanceof ConvoptError)) throw error;
    return { flagged: true, measured: error.message, named: error.where.node ?? null };
  }
}

/** Open sizes as the script that plants fills them in. */
function shapesOf({ graph }: Model): Map<string, readonly number[]> {
  const sizeOf = (dim: unknown, axis: number): number =>
    typeof dim === "number" ? dim : axis === 0 ? 1 : 32;
  return new Map(graph.requiredInputs.map(({ name, type }) => [name, (type?.shape ?? []).map(sizeOf)]));
}

export interface FaultSummary {
  readonly faults: number;
  /** Faults whose effect is over twice the floor, how many of them are flagged, and bisected right. */
  readonly above: number;
  readonly flagged: number;
  readonly bisected: number;
  /** Faults below that are flagged all the same. */
  readonly flaggedBelow: number;
  readonly reexports: number;
  readonly falseAlarms: number;
}

export function summarize(judged: readonly JudgedFile[]): FaultSummary {
  const faults = judged.filter(({ fault }) => fault);
  const above = faults.filter(({ ratio }) => ratio > 2);
  const same = judged.filter(({ fault }) => !fault);
  return {
    faults: faults.length,
    above: above.length,
    flagged: above.filter(({ flagged }) => flagged).length,
    bisected: above.filter(({ named, expected }) => named !== null && expected.includes(named)).length,
    flaggedBelow: faults.filter(({ ratio, flagged }) => ratio <= 2 && flagged).length,
    reexports: same.length,
    falseAlarms: same.filter(({ flagged }) => flagged).length,
  };
}
