import {
  GraphBuilder,
  InvariantError,
  Model,
  type Tensor,
  UnsupportedError,
  type Dim,
  type Node,
  type Value,
} from "../ir/index.js";
import { Emitter } from "./emitter.js";
import { unsupported, type GradientCall, type PartFacts } from "./rule.js";
import { gradientRules } from "./rules.js";

/** Oldest operator set whose operators backward passes are written in. */
export const oldestOpset = 16;

export interface DifferentiateOptions {
  /**
   * Where the backward pass starts. "gradient": an input `grad:<output>` per output holds dL/d(output). "squared-error":
   * the inputs are `target:<output>` and the scalar `scale:<output>`; the loss, Σ over outputs of scale · Σ (y − t)²,
   * is returned too, as `loss:<output>` (a scalar each).
   */
  readonly from: "gradient" | "squared-error";
}

/**
 * One model that runs a part of a network forward and backward: its inputs are the part's and those of `from`, its
 * outputs `grad:<name>` for each name of `wrt` (inputs or inner values, of one float type). The forward pass is the
 * part's own, so the gradients are exact up to rounding; where a function has a kink, one of its one-sided derivatives
 * is taken (0 for Relu at 0, as PyTorch does). Throws an UnsupportedError `E_NO_GRADIENT` that names the node when an
 * operator has no rule, a shape isn't known, or the operator set is older than 16.
 */
export function differentiate(
  part: Model,
  wrt: readonly string[],
  facts: PartFacts,
  { from }: DifferentiateOptions = { from: "squared-error" },
): Model {
  const opset = part.graph.opset() ?? 0;
  if (opset < oldestOpset) {
    throw new UnsupportedError(
      "E_NO_GRADIENT",
      `gradients need operator set ${oldestOpset}, the model has ${opset}`,
      {
        hint: "upgrade the part first",
      },
    );
  }
  const { builder, twins } = copy(part);
  const knownShape = (twin: Value): readonly number[] => shapeOf(facts, twins.get(twin), twin.name);
  const seeds = wrt.map((name) => required(builder, name));
  const emit = new Emitter(builder, facts.of(twins.get(seeds[0]!) ?? null).dtype ?? "float32");
  const flowing = reachable(builder.graph.nodes, new Set(seeds));
  const gradients = new Map<Value, Value>();
  const accumulate = (value: Value, gradient: Value): void => {
    const sum = gradients.get(value);
    gradients.set(value, sum ? emit.add(sum, gradient) : gradient);
  };
  const results: [name: string, value: Value, shape: readonly Dim[]][] = [];
  for (const output of part.graph.outputs) {
    const y = required(builder, output.name);
    const dims = knownShape(y);
    if (from === "gradient") {
      const gradient = builder.input(`grad:${output.name}`, { dtype: emit.dtype, shape: dims });
      if (flowing.has(y)) accumulate(y, gradient);
      continue;
    }
    const target = builder.input(`target:${output.name}`, { dtype: emit.dtype, shape: dims });
    const scale = builder.input(`scale:${output.name}`, { dtype: emit.dtype, shape: [] });
    const error = emit.subtract(y, target);
    const squares = emit.sum(
      emit.multiply(error, error),
      dims.map((_, axis) => axis),
      false,
    );
    results.push([`loss:${output.name}`, emit.multiply(squares, scale), []]);
    if (flowing.has(y)) accumulate(y, emit.multiply(error, emit.multiply(emit.scalar(2), scale)));
  }
  const forward = builder.graph.nodes.filter((node) =>
    node.outputs.some((value) => value && twins.has(value)),
  );
  for (const node of forward.reverse()) {
    const own = node.outputs.map((value) => (value ? (gradients.get(value) ?? null) : null));
    const wants = (index: number): boolean => flowing.has(node.input(index)!) && node.input(index) !== null;
    if (!own.some((gradient) => gradient) || !node.inputs.some((_, index) => wants(index))) continue;
    const call = callOf(node, opset, emit, own, wants, knownShape, (value) =>
      facts.constant(twins.get(value) ?? null),
    );
    ruleOf(node)(call).forEach((gradient, index) => {
      if (gradient && wants(index)) accumulate(node.input(index)!, gradient);
    });
  }
  for (const seed of seeds) {
    const dims = knownShape(seed);
    const gradient = gradients.get(seed) ?? emit.op("Expand", [emit.scalar(0), emit.integers(dims)]);
    results.push([`grad:${seed.name}`, gradient, dims]);
  }
  // Several names may share one value, and a value has one name.
  for (const [name, value, shape] of results) {
    builder.output(builder.op("Identity", [value], {}, { outputs: [name] }), { dtype: emit.dtype, shape });
  }
  const model = new Model(builder.graph);
  model.functions = part.functions;
  return model;
}

/** A copy of the part's graph that nodes can be added to, and the part's value behind each of its values. */
function copy(part: Model): { readonly builder: GraphBuilder; readonly twins: ReadonlyMap<Value, Value> } {
  const { graph } = part;
  const builder = new GraphBuilder(`${graph.name}.gradient`);
  builder.graph.irVersion = graph.irVersion;
  for (const [domain, version] of graph.opsets) builder.graph.opsets.set(domain, version);
  const twins = new Map<Value, Value>();
  const originals: Value[] = [...graph.requiredInputs, ...graph.initializers];
  for (const input of graph.requiredInputs) builder.input(input.name, input.type);
  for (const value of graph.initializers) builder.initializer(value.name, value.initializer!);
  for (const node of graph.nodes) {
    if (node.subgraphs.length > 0) throw unsupported(node, "nodes with subgraphs have no gradient");
    builder.node(
      node.op,
      node.inputs.map((input) => input?.name ?? null),
      node.attributes,
      {
        ...(node.name === "" ? {} : { name: node.name }),
        domain: node.domain,
        overload: node.overload,
        outputs: node.outputs.map((output) => output?.name ?? ""),
      },
    );
    for (const output of node.outputs) if (output) originals.push(output);
  }
  for (const original of originals) twins.set(required(builder, original.name), original);
  return { builder, twins };
}

function required(builder: GraphBuilder, name: string): Value {
  const value = builder.graph.value(name);
  if (!value)
    throw new InvariantError("there is no such value to differentiate by", { where: { tensor: name } });
  return value;
}

/** The seeds and whatever is computed from them. */
function reachable(nodes: readonly Node[], seeds: ReadonlySet<Value>): ReadonlySet<Value> {
  const reached = new Set(seeds);
  for (const node of nodes) {
    if (!node.inputs.some((input) => input && reached.has(input))) continue;
    for (const output of node.outputs) if (output) reached.add(output);
  }
  return reached;
}

function ruleOf(node: Node) {
  const rule =
    node.domain === "" && Object.hasOwn(gradientRules, node.op) ? gradientRules[node.op] : undefined;
  if (!rule) throw unsupported(node, "the operator has no gradient rule");
  return rule;
}

function shapeOf(facts: PartFacts, original: Value | undefined, name: string): readonly number[] {
  const { shape } = facts.of(original ?? null);
  if (shape?.every((dim): dim is number => typeof dim === "number")) return shape;
  throw new UnsupportedError("E_NO_GRADIENT", "the value's shape is not known in numbers", {
    where: { tensor: name },
  });
}

function callOf(
  node: Node,
  opset: number,
  emit: Emitter,
  gradients: readonly (Value | null)[],
  wants: (index: number) => boolean,
  shape: (value: Value) => readonly number[],
  constant: (value: Value) => Tensor | null,
): GradientCall {
  const input = (index: number): Value => {
    const value = node.input(index);
    if (!value) throw unsupported(node, `input ${index} is absent`);
    return value;
  };
  return {
    node,
    opset,
    emit,
    gradients,
    get gradient(): Value {
      const first = gradients[0];
      if (!first) throw unsupported(node, "only a side output is used");
      return first;
    },
    input,
    output: node.output,
    wants,
    shape,
    numbers(index) {
      const value = node.input(index);
      if (!value) return null;
      const tensor = constant(value);
      if (!tensor) throw unsupported(node, `input ${index} is not constant`);
      // Ends of slices may be INT64_MAX: the nearest double does.
      return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
    },
  };
}
