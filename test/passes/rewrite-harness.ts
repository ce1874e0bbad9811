import { expect } from "vitest";
import {
  cloneModel,
  GraphBuilder,
  hashGraph,
  isFloat,
  isInteger,
  Model,
  Tensor,
  verify,
  type DType,
  type TensorType,
} from "../../src/ir/index.js";
import {
  Ledger,
  runRewrites,
  type LedgerEntry,
  type Rewrite,
  type RunOptions,
} from "../../src/engine/index.js";
import {
  inferFacts,
  interpret,
  modelCost,
  perSample,
  relativeL2,
  type Precision,
} from "../../src/measure/index.js";

/** Seeded standard-normal-like numbers (sum of uniforms) for weights and feeds; not for statistics. */
export function numbers(seed: number, count: number, scale = 1): Float64Array {
  let state = (seed * 2654435761 + 97) >>> 0;
  const next = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 12), 0x297a2d39);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => scale * (next() + next() + next() - 1.5));
}

/** A seeded tensor of floats. */
export function weights(seed: number, dims: readonly number[], dtype: DType = "float64", scale = 1): Tensor {
  return Tensor.floats(
    dtype,
    dims,
    numbers(
      seed,
      dims.reduce((a, b) => a * b, 1),
      scale,
    ),
  );
}

export interface ModelOptions {
  readonly opset?: number;
  readonly ir?: number;
}

/** A model from a builder; opset 17 and IR 8 unless told. */
export function model(build: (b: GraphBuilder) => void, { opset = 17, ir = 8 }: ModelOptions = {}): Model {
  const b = new GraphBuilder("test");
  b.graph.irVersion = ir;
  b.graph.opsets.set("", opset);
  build(b);
  const made = new Model(b.graph);
  verify(made.graph);
  return made;
}

/** Type of a float64 value. */
export function f64(...shape: (number | string)[]): TensorType {
  return { dtype: "float64", shape };
}

/** Seeded feeds for every required input; an open batch is 2, other open dimensions 9. */
export function feedsFor(m: Model, seed = 1): Map<string, Tensor> {
  return new Map(
    m.graph.requiredInputs.map((input, i) => {
      const { dtype = "float32", shape = [] } = input.type ?? {};
      const dims = (shape ?? []).map((dim, axis) => (typeof dim === "number" ? dim : axis === 0 ? 2 : 9));
      const size = dims.reduce((a, b) => a * b, 1);
      if (isFloat(dtype)) return [input.name, weights(seed + i, dims, dtype)];
      if (dtype === "bool") return [input.name, Tensor.of("bool", dims, new Uint8Array(size).fill(1))];
      if (dtype === "int64") return [input.name, Tensor.i64(dims, new Array<number>(size).fill(1))];
      expect(isInteger(dtype), `feeds for ${dtype}`).toBe(true);
      const zeros = Tensor.zeros(dtype, dims);
      return [input.name, zeros];
    }),
  );
}

export interface Outcome {
  readonly before: Model;
  readonly after: Model;
  readonly entries: readonly LedgerEntry[];
  readonly applied: number;
  /** Largest relative L2 error of an output, both models interpreted in float64. */
  readonly error: number;
  readonly macs: readonly [number | null, number | null];
}

export interface HarnessOptions extends Partial<RunOptions> {
  /** Largest allowed relative error; by the narrowest float among the weights when absent. */
  readonly tolerance?: number;
  readonly feeds?: ReadonlyMap<string, Tensor>;
  readonly precision?: Precision;
  /** Models that the interpreter can't run (unknown operators) are only checked for structure. */
  readonly interpret?: boolean;
  /** The passes are timed ones, which may spend MACs. */
  readonly raisesMacs?: boolean;
}

/**
 * Runs passes on a copy of the model and checks everything that holds for every exact rewrite: the graph verifies,
 * the interface is what it was, outputs agree, MACs have not risen, a second run changes nothing, and the same run
 * gives the same graph.
 */
export function runPasses(before: Model, passes: readonly Rewrite[], options: HarnessOptions = {}): Outcome {
  const run = (m: Model): { after: Model; ledger: Ledger; applied: number } => {
    const after = cloneModel(m);
    const ledger = new Ledger();
    const { applied } = runRewrites(after, passes, { ...options, ledger });
    return { after, ledger, applied };
  };
  const { after, ledger, applied } = run(before);
  verify(after.graph);
  expect(interfaceOf(after), "the interface").toEqual(interfaceOf(before));
  const macs = [macsOf(before), macsOf(after)] as const;
  if (!options.raisesMacs && macs[0] !== null && macs[1] !== null)
    expect(macs[1], "MACs").toBeLessThanOrEqual(macs[0]);
  const hash = hashGraph(after.graph);
  if (options.stopAfter === undefined) {
    const again = run(after);
    expect(
      again.applied,
      `a second run: ${JSON.stringify(again.ledger.entries.filter((e) => e.verdict === "applied"))}`,
    ).toBe(0);
  }
  expect(hashGraph(run(before).after.graph), "determinism").toBe(hash);
  const error = options.interpret === false ? 0 : compare(before, after, options);
  return { before, after, entries: ledger.entries, applied, error, macs };
}

function compare(before: Model, after: Model, options: HarnessOptions): number {
  const tolerance = options.tolerance ?? toleranceOf(before);
  let worst = 0;
  for (const seed of [1, 2]) {
    const feeds = options.feeds ?? feedsFor(before, seed);
    const o = { precision: options.precision ?? "float64", seed: 1 } as const;
    const expected = interpret(before, feeds, o);
    const actual = interpret(after, feeds, o);
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [name, tensor] of expected) {
      const other = actual.get(name)!;
      expect(other.dims, `dims of ${name}`).toEqual(tensor.dims);
      expect(other.dtype, `dtype of ${name}`).toBe(tensor.dtype);
      if (!isFloat(tensor.dtype)) expect(other.data, name).toEqual(tensor.data);
      else if (tensor.size > 0) worst = Math.max(worst, relativeL2(other, tensor));
    }
  }
  expect(worst, "relative error of the outputs").toBeLessThanOrEqual(tolerance);
  return worst;
}

/** Rounding of the narrowest float dtype among the initializers, with room for a few roundings. */
export function toleranceOf(m: Model): number {
  const dtypes = new Set(m.graph.initializers.map((value) => value.initializer!.dtype));
  if (dtypes.has("bfloat16")) return 3e-2;
  if (dtypes.has("float16")) return 4e-3;
  return dtypes.has("float32") ? 1e-5 : 1e-10;
}

export function macsOf(m: Model): number | null {
  return modelCost(m, perSample(inferFacts(m))).macs;
}

function interfaceOf(m: Model): unknown {
  const describe = (values: readonly { name: string; type: TensorType | null }[]): unknown =>
    values.map(({ name, type }) => [name, type]);
  return { inputs: describe(m.graph.requiredInputs), outputs: describe(m.graph.outputs) };
}

/** The reason why a pass said no to a node; undefined when it did not. */
export function reasonOf({ entries }: Outcome, node: string, pass?: string): string | undefined {
  return entries.find((e) => e.node === node && e.verdict === "declined" && (!pass || e.pass === pass))
    ?.reason;
}

/** Operators of a graph in order. */
export function opsOf(m: Model): string[] {
  return m.graph.nodes.map((node) => node.op);
}

/** Groups of the node called "hidden" behind the passes. */
export const groupOf = (out: Outcome): number => {
  const group = out.after.graph.node("hidden")!.attributes.get("group");
  return group?.kind === "int" ? group.value : 1;
};
