import {
  InvariantError,
  Tensor,
  UnsupportedError,
  type Graph,
  type Model,
  type Node,
  type Value,
} from "../ir/index.js";
import type { RuntimeValue } from "../ops/index.js";
import { BufferPool } from "./buffer-pool.js";
import {
  evaluateNode,
  evaluateRectified,
  placedError,
  type EvaluationContext,
  type Precision,
} from "./evaluation.js";
import { checkFeeds, requestedOutputs } from "./feeds.js";
import { planModel, type GraphPlan, type Step } from "./plan.js";
import { randomSource } from "./random-source.js";

export interface InterpretOptions {
  readonly precision?: Precision;
  /** Names of values to return, inner ones included; the graph's outputs by default. */
  readonly outputs?: readonly string[];
  /** For the random operators; 0 by default. */
  readonly seed?: number;
  /** Called behind every node that was evaluated, with its outputs and the time it took. */
  onNode?(node: Node, outputs: readonly RuntimeValue[], milliseconds: number): void;
  /** What the nodes behind this one shall read instead of its outputs; called behind `onNode`, constant nodes excepted. */
  replace?(node: Node, outputs: readonly RuntimeValue[]): readonly RuntimeValue[];
  /** Aborts between two nodes. */
  readonly signal?: AbortSignal | undefined;
}

export interface Interpreter {
  /**
   * Evaluates the model. Throws a ModelError for feeds that don't fit the declared inputs, inputs that can't go
   * together and tensors that are too big, an UnsupportedError for an operator without evaluation; each names the
   * node. Constant parts are evaluated in the first run only.
   */
  run(feeds: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor>;
  /** The same, with sequences and absent optionals. */
  runValues(feeds: ReadonlyMap<string, RuntimeValue>): ReadonlyMap<string, RuntimeValue>;
}

/** One run of {@link prepareInterpreter}. */
export function interpret(
  model: Model,
  feeds: ReadonlyMap<string, Tensor>,
  o: InterpretOptions = {},
): ReadonlyMap<string, Tensor> {
  return prepareInterpreter(model, o).run(feeds);
}

/** The reference interpreter: every operator in float64, rounded as `precision` says. The model must not change. */
export function prepareInterpreter(model: Model, o: InterpretOptions = {}): Interpreter {
  const outputs = requestedOutputs(model.graph, o.outputs);
  const plan = planModel(model, { outputs });
  // Whoever watches nodes may keep what they made; bodies pass values on that are counted nowhere.
  const flat = plan.steps.every((step) => step.call === null && step.subgraphs.size === 0);
  const pool = flat && !o.onNode && !o.replace ? new BufferPool() : null;
  const runValues = (feeds: ReadonlyMap<string, RuntimeValue>): ReadonlyMap<string, RuntimeValue> => {
    const tensors = [...feeds].filter((feed): feed is [string, Tensor] => feed[1] instanceof Tensor);
    if (tensors.length === feeds.size) checkFeeds(model.graph, new Map(tensors));
    const values = new Map<Value, RuntimeValue>();
    for (const input of model.graph.inputs) {
      const given = feeds.get(input.name);
      if (given !== undefined) values.set(input, given);
    }
    const scope: Scope = { values, plan, outer: null };
    pool?.startRun();
    new Run(o, pool).graph(scope);
    return new Map(outputs.map((output) => [output.name, lookUp(scope, output)]));
  };
  return {
    runValues,
    run: (feeds) => {
      const results = new Map<string, Tensor>();
      for (const [name, value] of runValues(feeds)) {
        if (!(value instanceof Tensor)) {
          throw new UnsupportedError("E_UNSUPPORTED_OUTPUT", "the output is not a tensor", {
            where: { tensor: name },
          });
        }
        results.set(name, value);
      }
      return results;
    },
  };
}

/** Values of one graph in one evaluation; a subgraph sees those around it. */
interface Scope {
  readonly values: Map<Value, RuntimeValue>;
  readonly plan: GraphPlan;
  readonly outer: Scope | null;
}

function lookUp(scope: Scope, value: Value): RuntimeValue {
  for (let at: Scope | null = scope; at; at = at.outer) {
    const known = at.values.get(value) ?? at.plan.constants.get(value);
    if (known !== undefined && known !== null) return known;
    if (at.values.has(value) || at.plan.constants.has(value)) return null;
  }
  const tensor = value.initializer ?? value.constant;
  if (tensor) return tensor;
  throw new InvariantError("a value is read before it is computed", { where: { tensor: value.name } });
}

class Run {
  /** What is the positive part already of what its node was to compute: the Relu behind passes it on. */
  readonly #rectified = new Set<RuntimeValue>();

  constructor(
    readonly o: InterpretOptions,
    /** Null where somebody may see each node's outputs, who has to see what is really theirs. */
    readonly pool: BufferPool | null,
  ) {}

  graph(scope: Scope): void {
    const { plan, values } = scope;
    for (const step of plan.steps) {
      this.o.signal?.throwIfAborted();
      const store = step.constant ? plan.constants : values;
      const [first] = step.node.outputs;
      if (!(step.constant && first && store.has(first))) this.#step(step, scope, store);
      for (const value of step.dead) {
        this.pool?.release(values.get(value) ?? null);
        values.delete(value);
      }
    }
  }

  #step(step: Step, scope: Scope, store: Map<Value, RuntimeValue>): void {
    const { node } = step;
    const started = performance.now();
    const inputs = node.inputs.map((input) => (input ? lookUp(scope, input) : null));
    const outputs = step.call
      ? this.#call(step.call, inputs, node)
      : this.#evaluate(step, inputs, {
          opset: step.opset,
          precision: this.o.precision ?? "default",
          pool: this.pool,
          subgraph: (graph, given) => this.#subgraph(step, graph, given, scope),
          random: randomSource(this.o.seed ?? 0, node.label),
        });
    this.o.onNode?.(node, outputs, performance.now() - started);
    const kept = (step.constant ? undefined : this.o.replace?.(node, outputs)) ?? outputs;
    node.outputs.forEach((output, index) => {
      if (!output) return;
      store.set(output, kept[index] ?? null);
      this.pool?.hold(kept[index] ?? null);
    });
  }

  #evaluate(
    { node, rectifiable }: Step,
    inputs: readonly RuntimeValue[],
    context: EvaluationContext,
  ): readonly RuntimeValue[] {
    const [first = null] = inputs;
    if (first && this.#rectified.delete(first)) return [first];
    const rectified = rectifiable && this.pool ? evaluateRectified(node, inputs, context) : null;
    for (const output of rectified ?? []) this.#rectified.add(output);
    return rectified ?? evaluateNode(node, inputs, context);
  }

  #subgraph(
    step: Step,
    graph: Graph,
    inputs: readonly RuntimeValue[],
    outer: Scope,
  ): readonly RuntimeValue[] {
    const plan = step.subgraphs.get(graph);
    if (!plan)
      throw new InvariantError("a subgraph is not the node's own", { where: { node: step.node.label } });
    return this.#body(plan, inputs, outer);
  }

  #call(plan: GraphPlan, inputs: readonly RuntimeValue[], node: Node): readonly RuntimeValue[] {
    try {
      return this.#body(plan, inputs, null);
    } catch (error) {
      throw placedError(error, node);
    }
  }

  #body(plan: GraphPlan, inputs: readonly RuntimeValue[], outer: Scope | null): readonly RuntimeValue[] {
    const values = new Map<Value, RuntimeValue>();
    plan.graph.inputs.forEach((input, index) => values.set(input, inputs[index] ?? null));
    const scope: Scope = { values, plan, outer };
    this.graph(scope);
    return plan.outputs.map((output) => lookUp(scope, output));
  }
}
