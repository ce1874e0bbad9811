import { extract, InvariantError, Tensor, type Cut, type Model, type Node, type Value } from "../ir/index.js";
import type { FactTable } from "../measure/index.js";
import type { Executor } from "../runtime/index.js";
import type { LayerSlot } from "./layers.js";

/** Opens an executor for a part of the model. */
export type OpenPart = (model: Model) => Promise<Executor>;

/** Values of one batch that later steps or the outputs still need, by name. */
export type State = Map<string, Tensor>;

/** Weight (in the layer's dtype and shape) and bias of a layer: what a candidate changes. */
export interface LayerWeights {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** One piece of the network: a layer alone, or the nodes between two layers. */
interface Step {
  readonly slot: LayerSlot | null;
  readonly nodes: readonly Node[];
  /** Live values that the step reads, and those of its outputs that anyone later reads. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Values that are live after the step. */
  readonly live: readonly string[];
}

/**
 * The working model cut at its layers, in topological order: segment, layer, segment, layer … A network with other
 * weights is run step by step beside the original, its activations carried along, so that a layer's inputs, its
 * neighbours and whatever lies behind it are computed once.
 */
export class StagedNetwork {
  readonly #executors = new Map<Step, Promise<Executor>>();
  /** Shapes that each step made of those that it was fed last. */
  readonly #shapes = new Map<Step, { readonly fed: string; readonly made: Map<string, readonly number[]> }>();
  readonly steps: readonly Step[];
  readonly outputs: readonly string[];

  constructor(
    private readonly model: Model,
    private readonly facts: FactTable,
    readonly slots: readonly LayerSlot[],
    private readonly open: OpenPart,
  ) {
    this.outputs = model.graph.outputs.map((output) => output.name);
    this.steps = cutAtLayers(model, slots, this.outputs);
  }

  /** Bytes that one image's live values take at the widest point; open dimensions count as 1. */
  bytesPerImage(): number {
    const bytesOf = (name: string): number => {
      const shape = this.facts.of(this.model.graph.value(name) ?? null).shape ?? [];
      return shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 4);
    };
    return Math.max(0, ...this.steps.map(({ live }) => live.reduce((sum, name) => sum + bytesOf(name), 0)));
  }

  /** The state before the first step. */
  start(feeds: ReadonlyMap<string, Tensor>): State {
    return new Map(feeds);
  }

  /** Runs one step; layers take `weights`, their own by default. Values that nobody needs any more are dropped from the new state. */
  async advance(step: Step, state: State, weights?: LayerWeights): Promise<State> {
    const next = new Map(state);
    if (step.outputs.length > 0) {
      const feeds = new Map(step.inputs.map((name) => [name, required(state, name)]));
      if (step.slot) {
        const { weight, bias } = weights ?? this.#own(step.slot);
        feeds.set(step.slot.weight, weight);
        feeds.set(step.slot.bias, bias);
      }
      const executor = await this.#executor(step);
      const fed = step.inputs.map((name) => required(state, name).dims.join()).join(" ");
      const known = this.#shapes.get(step);
      const results = await executor.run(feeds, known?.fed === fed ? memoryFor(known.made) : undefined);
      if (known?.fed !== fed) this.#shapes.set(step, { fed, made: this.#predictable(results) });
      for (const [name, tensor] of results) next.set(name, tensor);
    }
    const live = new Set(step.live);
    for (const name of next.keys()) if (!live.has(name)) next.delete(name);
    return next;
  }

  /** Runs one step on the states of all batches, in place: each gives way to its successor at once. */
  async advanceAll(step: Step, states: State[], weights?: LayerWeights): Promise<void> {
    for (const [b, state] of states.entries()) states[b] = await this.advance(step, state, weights);
  }

  /** Everything from a layer on, with the layer's weight and bias as inputs; gives the model's outputs. */
  async openSuffix(slot: LayerSlot): Promise<Executor> {
    const index = this.steps.findIndex((step) => step.slot === slot);
    const before =
      index > 0 ? this.steps[index - 1]!.live : this.model.graph.requiredInputs.map(({ name }) => name);
    return this.open(
      extract(
        this.model,
        [...before.map((name) => this.#cut(name)), ...this.#weightCuts(slot)],
        this.outputs,
      ),
    );
  }

  async dispose(): Promise<void> {
    for (const executor of this.#executors.values()) await (await executor).dispose();
    this.#executors.clear();
  }

  /** The weights that the layer has in the working model. */
  #own(slot: LayerSlot): LayerWeights {
    const tensor = (name: string): Tensor => this.model.graph.value(name)!.initializer!;
    return { weight: tensor(slot.weight), bias: tensor(slot.bias) };
  }

  #executor(step: Step): Promise<Executor> {
    let executor = this.#executors.get(step);
    if (!executor) {
      const cuts = step.inputs.map((name) => this.#cut(name));
      if (step.slot) cuts.push(...this.#weightCuts(step.slot));
      executor = this.open(extract(this.model, cuts, step.outputs));
      this.#executors.set(step, executor);
    }
    return executor;
  }

  /** Shapes of float32 results that depend on shapes only, not on values. */
  #predictable(results: ReadonlyMap<string, Tensor>): Map<string, readonly number[]> {
    // Other symbols than the inputs' may stand for what values decide, as the trips of a loop.
    const symbols = new Set(this.model.graph.requiredInputs.flatMap(({ type }) => type?.shape ?? []));
    const isPredictable = (name: string): boolean =>
      this.facts
        .of(this.model.graph.value(name) ?? null)
        .shape?.every((dim) => typeof dim === "number" || (dim !== null && symbols.has(dim))) ?? false;
    return new Map(
      [...results]
        .filter(([name, { dtype }]) => dtype === "float32" && isPredictable(name))
        .map(([name, { dims }]) => [name, dims]),
    );
  }

  #weightCuts({ weight, bias, weightDims, layer }: LayerSlot): Cut[] {
    return [
      { name: weight, type: { dtype: layer.dtype, shape: weightDims } },
      { name: bias, type: { dtype: layer.dtype, shape: [layer.spec.outChannels] } },
    ];
  }

  /** A live value as an input: its type as inferred, all but channel sizes left open so that any batch fits. */
  #cut(name: string): Cut {
    const value = this.model.graph.value(name);
    const fact = this.facts.of(value ?? null);
    const dtype = fact.dtype ?? value?.type?.dtype;
    if (!dtype)
      throw new InvariantError("a value between layers has no known type", { where: { tensor: name } });
    const shape = fact.shape?.map((dim, axis) => (axis === 1 && fact.shape!.length > 1 ? dim : null)) ?? null;
    return { name, type: { dtype, shape } };
  }
}

function memoryFor(shapes: ReadonlyMap<string, readonly number[]>): Map<string, Tensor> {
  return new Map(
    [...shapes].map(([name, dims]) => {
      const size = dims.reduce((product, dim) => product * dim, 1);
      return [name, Tensor.f32(dims, new Float32Array(size))];
    }),
  );
}

function required(state: State, name: string): Tensor {
  const tensor = state.get(name);
  if (!tensor) throw new InvariantError("a value is not live where it is read", { where: { tensor: name } });
  return tensor;
}

/** Operators in front of which a piece ends: their input says far more about the layers before than their output. */
const poolingOps = ["GlobalAveragePool", "GlobalMaxPool", "ReduceMean"];

function cutAtLayers(model: Model, slots: readonly LayerSlot[], outputs: readonly string[]): Step[] {
  const byOutput = new Map(slots.map((slot) => [slot.output, slot]));
  const pieces: { slot: LayerSlot | null; nodes: Node[] }[] = [{ slot: null, nodes: [] }];
  for (const node of model.graph.nodes) {
    const slot = node.outputs[0] ? byOutput.get(node.outputs[0].name) : undefined;
    if (slot) pieces.push({ slot, nodes: [node] }, { slot: null, nodes: [] });
    else if (node.is(...poolingOps)) pieces.push({ slot: null, nodes: [node] });
    else pieces.at(-1)!.nodes.push(node);
  }
  const used = pieces.filter(({ nodes }) => nodes.length > 0);
  const steps: Step[] = [];
  let live = new Set(outputs);
  for (const { slot, nodes } of used.reverse()) {
    const made = new Set(nodes.flatMap((node) => node.outputs.filter((o) => o !== null).map((o) => o.name)));
    const stepOutputs = [...live].filter((name) => made.has(name));
    const after = [...live];
    live = new Set(after.filter((name) => !made.has(name)));
    const read = new Set(
      nodes
        .flatMap(outerReads)
        .filter((value) => isFlowing(value))
        .map(({ name }) => name),
    );
    const inputs = [...read].filter((name) => !made.has(name));
    for (const name of inputs) live.add(name);
    steps.unshift({ slot, nodes, inputs, outputs: stepOutputs, live: after });
  }
  return steps;
}

/** Values of the main graph that a node reads, those that its subgraphs read included. */
function outerReads(node: Node): Value[] {
  const own = node.inputs.filter((input): input is Value => input !== null);
  const nested = node.subgraphs.flatMap((subgraph) =>
    [...subgraph.nodes.flatMap(outerReads), ...subgraph.outputs].filter((value) => value.graph !== subgraph),
  );
  return [...own, ...nested];
}

/** True for what a step has to be fed: inputs of the model and results of nodes, not initializers. */
function isFlowing(value: Value): boolean {
  return value.initializer === null;
}
