import { isBigInt, Tensor, type DType, type Dim } from "../ir/index.js";
import { planRuns, forEachRun, stridesOf } from "./broadcast.js";
import { mergeDims, productOf } from "./entries.js";
import { fact } from "./fact.js";
import { defineOp, type InferCall, type EvalCall } from "./op.js";
import {
  attributeError,
  commonDtype,
  formatShape,
  operand,
  sameDtype,
  shapeError,
  type Site,
} from "./operand.js";
import { unsupportedDtype } from "./pairwise.js";

/** An equation against operands: letters are axes; the axes of an ellipsis get names of their own, "…0" the first. */
interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

function parseEquation(site: Site, text: string, ranks: readonly number[]): Equation {
  const [left, right, ...more] = text.replace(/\s/g, "").split("->");
  const terms = left!.split(",");
  if (more.length > 0 || terms.length !== ranks.length) {
    throw attributeError(site, `equation "${text}" does not fit ${ranks.length} inputs`);
  }
  let widest = 0;
  const inputs = terms.map((term, i) => {
    const letters = term.replace("...", "").length;
    const hidden = term.includes("...") ? ranks[i]! - letters : 0;
    if (hidden < 0 || letters + hidden !== ranks[i]) {
      throw shapeError(site, `the term "${term}" does not fit an input of rank ${ranks[i]}`);
    }
    widest = Math.max(widest, hidden);
    return { term, hidden };
  });
  // Ellipses align at their ends, as broadcasting does.
  const named = inputs.map(({ term, hidden }) =>
    labelsOf(site, term, ellipsis(widest).slice(widest - hidden)),
  );
  return {
    inputs: named,
    output: right === undefined ? implied(named, widest) : labelsOf(site, right, ellipsis(widest)),
  };
}

function ellipsis(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `…${i}`);
}

function labelsOf(site: Site, term: string, hidden: readonly string[]): string[] {
  const [before, after = ""] = term.split("...") as [string, string?];
  if (!/^[A-Za-z]*$/.test(before + after))
    throw attributeError(site, `the term "${term}" has other signs than letters`);
  return [...before, ...(term.includes("...") ? hidden : []), ...after];
}

/** Without an arrow: the ellipsis, then every letter that occurs once, in alphabetical order. */
function implied(inputs: readonly (readonly string[])[], widest: number): string[] {
  const counts = new Map<string, number>();
  for (const label of inputs.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const once = [...counts]
    .filter(([label, count]) => count === 1 && !label.startsWith("…"))
    .map(([label]) => label);
  return [...ellipsis(widest), ...once.sort()];
}

/** Length of every label; 1 gives way to any other along an ellipsis. */
function extents<D extends Dim>(
  site: Site,
  equation: Equation,
  shapes: readonly (readonly D[])[],
): Map<string, Dim> {
  const lengths = new Map<string, Dim>();
  equation.inputs.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const dim: Dim = shapes[i]![axis]!;
      const known = lengths.get(label);
      if (known === undefined || known === 1) lengths.set(label, dim);
      else if (typeof known === "number" && typeof dim === "number" && dim !== known && dim !== 1) {
        throw shapeError(
          site,
          `"${label}" is ${known} in one input and ${dim} in ${formatShape(shapes[i]!)}`,
        );
      } else if (dim !== 1) lengths.set(label, mergeDims(known, dim));
    });
  });
  for (const label of equation.output) {
    if (!lengths.has(label)) throw attributeError(site, `the output's "${label}" is in no input`);
  }
  return lengths;
}

/** Strides of an operand along `labels`: the sum over repeated letters (a diagonal), 0 where it has none. */
function labelStrides(
  labels: readonly string[],
  dims: readonly number[],
  along: readonly string[],
): number[] {
  const own = stridesOf(dims);
  return along.map((label) =>
    labels.reduce((sum, one, axis) => (one === label && dims[axis] !== 1 ? sum + own[axis]! : sum), 0),
  );
}

export const einsum = defineOp("Einsum", {
  infer: (call) => {
    const dtype = commonDtype(call, call.inputs);
    const shapes = call.inputs.map((input) => input?.shape ?? null);
    if (shapes.some((shape) => shape === null)) return [fact(dtype, null)];
    const known = shapes as (readonly Dim[])[];
    const equation = parseEquation(
      call,
      call.attributes.equation,
      known.map(({ length }) => length),
    );
    const lengths = extents(call, equation, known);
    return [
      fact(
        dtype,
        equation.output.map((label) => lengths.get(label)!),
      ),
    ];
  },
  evaluate: (call) => [contract(call, call.attributes.equation)],
  macs: (call, inputs) => {
    const shapes = inputs.map((input) => input?.shape ?? null);
    if (shapes.length < 2 || shapes.some((shape) => shape === null)) return null;
    const known = shapes as (readonly Dim[])[];
    const equation = parseEquation(
      call,
      call.attributes.equation,
      known.map(({ length }) => length),
    );
    const product = productOf([...extents(call, equation, known).values()]);
    return typeof product === "number" ? product : null;
  },
});

function contract(call: EvalCall<unknown> & Site, text: string): Tensor {
  const tensors = call.inputs.map((_, index) => operand(call, index));
  const dtype = sameDtype(call, tensors);
  const shapes = tensors.map(({ dims }) => dims);
  const equation = parseEquation(
    call,
    text,
    shapes.map(({ length }) => length),
  );
  const lengths = extents(call as unknown as InferCall<unknown>, equation, shapes) as Map<string, number>;
  const summed = [...lengths.keys()].filter((label) => !equation.output.includes(label));
  const dims = equation.output.map((label) => lengths.get(label)!);
  const inner = summed.map((label) => lengths.get(label)!);
  const outer = planRuns(
    dims,
    tensors.map((tensor, i) => labelStrides(equation.inputs[i]!, tensor.dims, equation.output)),
  );
  const sums = planRuns(
    inner,
    tensors.map((tensor, i) => labelStrides(equation.inputs[i]!, tensor.dims, summed)),
  );
  const out = call.allocate(dtype, outer.size);
  const kernel = kernelOf(call, dtype, tensors, out);
  forEachRun(outer, (at, starts) => {
    for (let i = 0; i < outer.length; i++) {
      const base = starts.map((start, t) => start + i * outer.steps[t]!);
      kernel(at + i, base, sums);
    }
  });
  return Tensor.of(dtype, dims, out);
}

type ContractKernel = (to: number, base: readonly number[], sums: ReturnType<typeof planRuns>) => void;

function kernelOf(site: Site, dtype: DType, tensors: readonly Tensor[], out: Tensor["data"]): ContractKernel {
  if (dtype === "string" || dtype.startsWith("complex")) throw unsupportedDtype(site, dtype);
  if (isBigInt(dtype)) {
    const arrays = tensors.map(({ data }) => data as BigInt64Array);
    return (to, base, sums) => {
      let sum = 0n;
      forEachRun(sums, (_, starts) => {
        for (let k = 0; k < sums.length; k++) {
          let product = 1n;
          for (let t = 0; t < arrays.length; t++)
            product *= arrays[t]![base[t]! + starts[t]! + k * sums.steps[t]!]!;
          sum += product;
        }
      });
      (out as BigInt64Array)[to] = sum;
    };
  }
  const arrays = tensors.map(({ numbers }) => numbers);
  return (to, base, sums) => {
    let sum = 0;
    forEachRun(sums, (_, starts) => {
      for (let k = 0; k < sums.length; k++) {
        let product = 1;
        for (let t = 0; t < arrays.length; t++)
          product *= arrays[t]![base[t]! + starts[t]! + k * sums.steps[t]!]!;
        sum += product;
      }
    });
    (out as Float64Array)[to] = sum;
  };
}
