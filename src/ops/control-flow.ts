import { ModelError, Tensor, type Dim, type Graph } from "../ir/index.js";
import { concatTensors } from "./concat.js";
import { fact, unknownFact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall, type RuntimeValue } from "./op.js";
import { axisIn, factOf, operand, shapeError, type Site } from "./operand.js";
import { gatherAxis } from "./gather.js";

/** What both facts agree on. */
function commonFact(a: Fact, b: Fact): Fact {
  const dtype = a.dtype === b.dtype ? a.dtype : null;
  const same = a.shape && b.shape && a.shape.length === b.shape.length ? a.shape : null;
  const shape = same ? same.map((dim, i): Dim => (dim === b.shape![i] ? dim : null)) : null;
  return fact(dtype, shape);
}

export const ifOp = defineOp("If", {
  infer: (call) => {
    const { then_branch: then, else_branch: otherwise } = call.attributes;
    const condition = factOf(call, 0).value;
    if (condition) return call.subgraph(isTrue(condition) ? then : otherwise, []);
    const [a, b] = [call.subgraph(then, []), call.subgraph(otherwise, [])];
    return a.map((one, i) => commonFact(one, b[i] ?? unknownFact));
  },
  evaluate: (call) => {
    const { then_branch: then, else_branch: otherwise } = call.attributes;
    return call.subgraph(isTrue(operand(call, 0)) ? then : otherwise, []);
  },
});

function isTrue(tensor: Tensor): boolean {
  return (tensor.data as Uint8Array)[0] !== 0;
}

function tensorValue(site: Site, value: RuntimeValue | undefined, what: string): Tensor {
  if (value instanceof Tensor) return value;
  throw new ModelError("E_INPUT", `${what} must be a tensor`, {
    where: { node: site.node.label, op: site.node.op },
  });
}

/** Values along a new first axis, one per iteration; `none` iterations give an empty tensor of the body's type. */
function stackScans(
  call: EvalCall<unknown>,
  body: Graph,
  slot: number,
  collected: readonly Tensor[],
  axis = 0,
): Tensor {
  const parts = collected.map((tensor) => {
    const along = axisIn(call, axis, tensor.dims.length + 1);
    return {
      along,
      tensor: tensor.reshape([...tensor.dims.slice(0, along), 1, ...tensor.dims.slice(along)]),
    };
  });
  if (parts.length > 0)
    return concatTensors(
      call,
      parts.map(({ tensor }) => tensor),
      parts[0]!.along,
    );
  const type = body.outputs[slot]?.type;
  const dims = (type?.shape ?? []).map((dim) => (typeof dim === "number" ? dim : 0));
  const dtype = type?.dtype ?? "float32";
  return Tensor.of(dtype, [0, ...dims], call.allocate(dtype, 0));
}

/** Iterations that a Loop may run without a trip count before it is taken for endless. */
const mostIterations = 1e7;

/** `M` trips at most, as long as the condition holds; loop-carried values first, then one stacked value per scan output. */
export const loop = defineOp("Loop", {
  infer: (call) => {
    const { body } = call.attributes;
    const carried = call.inputs.slice(2).map((input) => fact(input?.dtype ?? null, null));
    const results = call.subgraph(body, [fact("int64", []), fact("bool", []), ...carried]);
    return results.slice(1).map((result, i) => {
      if (i < carried.length) return commonFact(result, call.inputs[i + 2] ?? unknownFact);
      return fact(result.dtype, result.shape ? [null, ...result.shape] : null);
    });
  },
  evaluate: (call) => {
    const { body } = call.attributes;
    const trips = call.inputs[0] ? Number((call.inputs[0].data as BigInt64Array)[0]) : Infinity;
    let running = call.inputs[1] ? isTrue(call.inputs[1]) : true;
    let carried = call.values.slice(2);
    const scans: Tensor[][] = Array.from({ length: body.outputs.length - 1 - carried.length }, () => []);
    for (let trip = 0; trip < trips && running; trip++) {
      if (trip >= mostIterations)
        throw shapeError(call, `the loop still runs after ${mostIterations} iterations`);
      const condition = Tensor.of("bool", [], Uint8Array.of(1));
      const results = call.subgraph(body, [Tensor.i64([], [trip]), condition, ...carried]);
      running = isTrue(tensorValue(call, results[0], "the condition"));
      const count = carried.length;
      carried = results.slice(1, 1 + count);
      scans.forEach((list, i) => list.push(tensorValue(call, results[1 + count + i], "a scan output")));
    }
    return [...carried, ...scans.map((list, i) => stackScans(call, body, 1 + carried.length + i, list))];
  },
});

interface ScanAttributes {
  readonly body: Graph;
  readonly num_scan_inputs: number;
  readonly directions: readonly number[] | null;
  readonly scan_input_axes: readonly number[] | null;
  readonly scan_input_directions: readonly number[] | null;
  readonly scan_output_axes: readonly number[] | null;
  readonly scan_output_directions: readonly number[] | null;
}

function scanAxis(site: Site, axes: readonly number[] | null, i: number, rank: number): number {
  return axisIn(site, axes?.[i] ?? 0, rank);
}

function inferScan(call: InferCall<ScanAttributes>): Fact[] {
  const { body, num_scan_inputs: count, scan_input_axes: axes, scan_output_axes: outAxes } = call.attributes;
  const states = call.inputs.length - count;
  if (call.opset < 9) return call.node.outputs.map(() => unknownFact);
  let trips: Dim = null;
  const inputs = call.inputs.map((input, i) => {
    if (i < states || !input?.shape)
      return i < states ? (input ?? unknownFact) : fact(input?.dtype ?? null, null);
    const axis = scanAxis(call, axes, i - states, input.shape.length);
    trips ??= input.shape[axis]!;
    return fact(
      input.dtype,
      input.shape.filter((_, k) => k !== axis),
    );
  });
  return call.subgraph(body, inputs).map((result, i) => {
    if (i < states) return commonFact(result, inputs[i]!);
    if (!result.shape) return fact(result.dtype, null);
    const axis = scanAxis(call, outAxes, i - states, result.shape.length + 1);
    return fact(result.dtype, [...result.shape.slice(0, axis), trips, ...result.shape.slice(axis)]);
  });
}

/** Runs the body over slices of the scan inputs. Opset 8 has sequence lengths first and a batch axis in front. */
export const scan = defineOp("Scan", {
  infer: (call) => inferScan(call as InferCall<ScanAttributes>),
  evaluate: (call) => {
    const attributes = call.attributes as ScanAttributes;
    return call.opset < 9 ? scanBatches(call, attributes) : scanOnce(call, attributes, call.inputs);
  },
});

function scanOnce(
  call: EvalCall<unknown>,
  { body, num_scan_inputs: count, ...o }: ScanAttributes,
  inputs: readonly (Tensor | null)[],
): Tensor[] {
  const states = inputs.length - count;
  let carried = inputs.slice(0, states).map((input, i) => tensorValue(call, input, `state ${i}`));
  const scanned = inputs.slice(states).map((input, i) => {
    const tensor = tensorValue(call, input, `scan input ${i}`);
    const axis = scanAxis(call, o.scan_input_axes, i, tensor.dims.length);
    return { tensor, axis, backwards: (o.scan_input_directions ?? o.directions)?.[i] === 1 };
  });
  const trips = scanned[0]?.tensor.dims[scanned[0].axis] ?? 0;
  const collected: Tensor[][] = Array.from({ length: body.outputs.length - states }, () => []);
  for (let trip = 0; trip < trips; trip++) {
    const slices = scanned.map(({ tensor, axis, backwards }) =>
      gatherAxis(call, tensor, Tensor.i64([], [backwards ? trips - 1 - trip : trip]), axis),
    );
    const results = call.subgraph(body, [...carried, ...slices]);
    carried = results.slice(0, states).map((value, i) => tensorValue(call, value, `state ${i}`));
    collected.forEach((list, i) => list.push(tensorValue(call, results[states + i], `scan output ${i}`)));
  }
  const stacked = collected.map((list, i) => {
    const ordered = o.scan_output_directions?.[i] === 1 ? [...list].reverse() : list;
    return stackScans(call, body, states + i, ordered, o.scan_output_axes?.[i] ?? 0);
  });
  return [...carried, ...stacked];
}

function scanBatches(call: EvalCall<unknown>, attributes: ScanAttributes): Tensor[] {
  const inputs = call.inputs.slice(1).map((input, i) => tensorValue(call, input, `input ${i + 1}`));
  const batches = inputs[0]?.dims[0] ?? 0;
  const perBatch = Array.from({ length: batches }, (_, batch) =>
    scanOnce(
      call,
      attributes,
      inputs.map((input) => gatherAxis(call, input, Tensor.i64([], [batch]), 0)),
    ),
  );
  return (perBatch[0] ?? []).map((first, i) =>
    concatTensors(
      call,
      perBatch.map((results) => results[i]!.reshape([1, ...first.dims])),
      0,
    ),
  );
}
