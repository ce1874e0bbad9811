import {
  ConvoptError,
  GraphBuilder,
  allNodes,
  attributes as attributesFrom,
  type Attribute,
  type Graph,
  type Node,
  type Tensor,
  type Value,
} from "../ir/index.js";
import {
  attributesOf,
  factOfTensor,
  factOfType,
  opDefinition,
  unknownFact,
  type Fact,
  type OpName,
} from "../ops/index.js";
import type { Call, Workshop } from "./call.js";
import { applyRules } from "./rules.js";

export interface UpgradeOptions {
  readonly from: number;
  readonly target: number;
  /** IR version of the result: before 4, initializers were inputs too, which would now make them overridable. */
  readonly irVersion: number;
  /** Writes every attribute anew, for files whose attributes do not say their type. */
  readonly retype: boolean;
  /** Functions have no initializers: their constants are nodes. */
  readonly constantsAsNodes: boolean;
}

/** A graph of a newer operator set that computes the same. Names, order and interface stay. */
export function upgradeGraph(graph: Graph, options: UpgradeOptions): Graph {
  return new Upgrader(graph, options).graph(graph, null);
}

class Upgrader {
  readonly #copies = new Map<Value, Value>();
  readonly #facts = new Map<Value, Fact>();
  readonly #names: Set<string>;

  constructor(
    root: Graph,
    readonly options: UpgradeOptions,
  ) {
    this.#names = new Set(allGraphs(root).flatMap((graph) => [...graph.values_.keys()]));
  }

  graph(old: Graph, parent: Graph | null): Graph {
    const { irVersion, target } = this.options;
    const builder = new GraphBuilder(old.name, parent);
    const { graph } = builder;
    graph.source = old.source;
    graph.irVersion = irVersion;
    for (const [domain, version] of old.opsets) graph.opsets.set(domain, version);
    if (graph.opsets.has("")) graph.opsets.set("", target);
    const wasForced = old.parent === null && old.irVersion < 4 && irVersion >= 4;
    for (const input of old.inputs) {
      if (!(wasForced && input.initializer))
        this.#adopt(input, builder.input(input.name, input.type, input.source));
    }
    for (const value of old.initializers) {
      const copy = builder.initializer(value.name, value.initializer!);
      copy.type = value.type;
      copy.source = value.source;
      this.#adopt(value, copy);
    }
    for (const node of old.nodes) this.#node(node, builder);
    for (const output of old.outputs)
      builder.output(this.#copies.get(output) ?? output, output.type, output.source);
    return graph;
  }

  #adopt(old: Value, copy: Value): void {
    this.#copies.set(old, copy);
    const constant = copy.constant;
    this.#facts.set(copy, constant ? factOfTensor(constant) : factOfType(copy.type));
  }

  #node(node: Node, builder: GraphBuilder): void {
    const { from, target, retype } = this.options;
    const inputs = node.inputs.map((input) => (input ? (this.#copies.get(input) ?? input) : null));
    const copied = new Map<string, Attribute>(
      [...node.attributes].map(([name, attribute]) => [
        name,
        this.#attribute(attribute, builder.graph, retype),
      ]),
    );
    let call: Call = { op: node.op, inputs, attributes: copied };
    if (node.domain === "") {
      try {
        call = applyRules(call, from, target, this.#workshop(node, builder));
      } catch (error) {
        throw error instanceof ConvoptError ? error.at({ node: node.label, op: node.op }) : error;
      }
    }
    const outputs = call.outputs === undefined ? node.outputs : node.outputs.slice(0, call.outputs);
    const made = builder.node(call.op, call.inputs, call.attributes as Map<string, Attribute>, {
      name: node.name,
      domain: node.domain,
      overload: node.overload,
      docString: node.docString,
      source: node.source,
      outputs: outputs.map((output) => output?.name ?? ""),
    });
    const facts = this.#infer(node, inputs);
    outputs.forEach((output, index) => {
      const copy = made.outputs[index];
      if (!output || !copy) return;
      copy.type = output.type;
      copy.source = output.source;
      this.#copies.set(output, copy);
      const stated = factOfType(output.type);
      this.#facts.set(copy, stated.shape ? stated : (facts[index] ?? stated));
    });
  }

  /** Subgraphs are upgraded as well; a fresh attribute object is written anew, with its type. */
  #attribute(attribute: Attribute, parent: Graph, retype: boolean): Attribute {
    if (attribute.kind === "graph") return { kind: "graph", value: this.graph(attribute.value, parent) };
    if (attribute.kind === "graphs") {
      return { kind: "graphs", value: attribute.value.map((graph) => this.graph(graph, parent)) };
    }
    return retype && attribute.kind !== "reference" && attribute.kind !== "opaque"
      ? { ...attribute }
      : attribute;
  }

  /** What the old operator makes of its inputs; nothing when it is unknown or can't tell. */
  #infer(node: Node, inputs: readonly (Value | null)[]): readonly (Fact | null)[] {
    const definition = opDefinition(node);
    if (!definition) return [];
    try {
      return definition.infer({
        node,
        opset: this.options.from,
        attributes: attributesOf<OpName>(node, this.options.from),
        inputs: inputs.map((input) => (input ? this.#fact(input) : null)),
        subgraph: (graph) => graph.outputs.map((output) => factOfType(output.type)),
      });
    } catch (error) {
      if (error instanceof ConvoptError) return [];
      throw error;
    }
  }

  #fact(value: Value): Fact {
    return this.#facts.get(value) ?? unknownFact;
  }

  #workshop(node: Node, builder: GraphBuilder): Workshop {
    const { target, constantsAsNodes } = this.options;
    return {
      node,
      target,
      fact: (value) => (value ? this.#fact(value) : unknownFact),
      constant: (value) => value?.constant ?? null,
      add: (suffix, tensor) => {
        const name = this.#freshName(`${node.label}.${suffix}`);
        const value = constantsAsNodes
          ? constantNode(builder, name, tensor)
          : builder.initializer(name, tensor);
        this.#facts.set(value, factOfTensor(tensor));
        return value;
      },
      op: (op, inputs, attributes = {}) => {
        const name = this.#freshName(`${node.label}.${op.toLowerCase()}`);
        const options = { outputs: [name], ...(node.name === "" ? {} : { name }) };
        return builder.op(op, inputs, attributesFrom(attributes), options);
      },
      isRead: (index) => {
        const output = node.outputs[index];
        return Boolean(output && (output.uses.length > 0 || output.isGraphOutput));
      },
    };
  }

  #freshName(base: string): string {
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }
}

function constantNode(builder: GraphBuilder, name: string, value: Tensor): Value {
  return builder.op("Constant", [], attributesFrom({ value }), { outputs: [name] });
}

function allGraphs(graph: Graph): Graph[] {
  return [graph, ...allNodes(graph).flatMap((node) => node.subgraphs)];
}
