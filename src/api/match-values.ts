import { hashTensor, type Graph, type Model, type Node, type Tensor, type Value } from "../ir/index.js";

/** A value of the first model and what stands for it in the second. */
export type ValueMatches = ReadonlyMap<Value, Value>;

/**
 * Values that nodes of both models make for the same purpose: those of one name, and, where names changed, outputs of
 * nodes of one operator with weights of the same shapes and readers of the same operators, that read matched values
 * (from the inputs on) or are read by matched nodes (from the outputs back). Values of weights and attributes only choose
 * between several such nodes, so that a model with other ones still matches.
 */
export function matchValues(a: Model, b: Model): ValueMatches {
  return new Matching(a.graph, b.graph).values;
}

/** Nodes that make matched values, first output by first output. */
export function matchNodes(a: Model, b: Model): ReadonlyMap<Node, Node> {
  const pairs = new Map<Node, Node>();
  for (const [value, twin] of matchValues(a, b)) {
    const [node, other] = [value.producer, twin.producer];
    if (node && other && !pairs.has(node)) pairs.set(node, other);
  }
  return pairs;
}

class Matching {
  readonly values = new Map<Value, Value>();
  readonly #taken = new Set<Value>();

  constructor(
    readonly a: Graph,
    readonly b: Graph,
  ) {
    this.#byName();
    if (this.#open(a).length > 0) {
      this.#forwards(true);
      this.#forwards(false);
      this.#backwards();
      this.#forwards(false);
    }
  }

  #byName(): void {
    this.a.inputs.forEach((input) => this.#pair(input, this.b.value(input.name)));
    for (const node of this.a.nodes) {
      for (const output of node.outputs) {
        const twin = output && this.b.value(output.name);
        if (output && twin?.producer && twin.graph === this.b) this.#pair(output, twin);
      }
    }
  }

  #pair(value: Value, twin: Value | undefined | null): void {
    if (!twin || this.values.has(value) || this.#taken.has(twin)) return;
    this.values.set(value, twin);
    this.#taken.add(twin);
  }

  #open(graph: Graph): readonly Node[] {
    const known = (value: Value | null): boolean =>
      value === null || this.values.has(value) || this.#taken.has(value);
    return graph.nodes.filter((node) => node.op !== "Constant" && !node.outputs.every(known));
  }

  /** Nodes that read the same matched values in the same slots; with `same` only those with the same weights. */
  #forwards(same: boolean): void {
    const candidates = new Map<string, Node[]>();
    const numbers = new Map<Value, number>();
    const numberOf = (value: Value): number => {
      const known = numbers.get(value) ?? numbers.size;
      numbers.set(value, known);
      return known;
    };
    const key = (node: Node, own: (value: Value) => Value | undefined): string | null => {
      const reads = node.inputs.map((input) => {
        if (input === null) return "-";
        if (isWeight(input)) return "w";
        const value = own(input);
        return value ? String(numberOf(value)) : null;
      });
      return reads.includes(null) ? null : `${kindOf(node)}(${reads.join()})`;
    };
    for (const node of this.#open(this.b)) {
      // The second model's own values stand for themselves; the first one's are translated into them.
      const name = key(node, (value) => value);
      if (name !== null) candidates.set(name, [...(candidates.get(name) ?? []), node]);
    }
    for (const node of this.#open(this.a)) {
      const name = key(node, (value) => this.values.get(value));
      const free = (name === null ? [] : (candidates.get(name) ?? [])).filter((one) => this.#isFree(one));
      const twin = free.find((one) => contentOf(one) === contentOf(node)) ?? (same ? undefined : free[0]);
      if (twin) this.#pairNodes(node, twin);
    }
  }

  #isFree(node: Node): boolean {
    return node.outputs.every((output) => output === null || !this.#taken.has(output));
  }

  #pairNodes(node: Node, twin: Node): void {
    node.outputs.forEach((output, i) => {
      if (output) this.#pair(output, twin.outputs[i]);
    });
  }

  /** From matched values back: what matched nodes read in one slot is the same where one operator makes it. */
  #backwards(): void {
    this.a.outputs.forEach((output, i) => {
      const twin = this.b.outputs[i];
      if (twin && sameOperator(output.producer, twin.producer)) this.#pair(output, twin);
    });
    for (const node of [...this.a.nodes].reverse()) {
      const output = node.outputs.find((value) => value !== null && this.values.has(value));
      const twin = output && this.values.get(output)?.producer;
      if (!twin || !sameOperator(node, twin)) continue;
      node.inputs.forEach((input, slot) => {
        const other = twin.input(slot);
        if (input && other && !isWeight(input) && sameOperator(input.producer, other.producer))
          this.#pair(input, other);
      });
    }
  }
}

function isWeight(value: Value): boolean {
  return weightOf(value) !== null;
}

function sameOperator(a: Node | null, b: Node | null): boolean {
  return a !== null && b !== null && kindOf(a) === kindOf(b);
}

/** Operator, shapes of the weights, operators that read the outputs. */
function kindOf(node: Node): string {
  const weights = node.inputs.map((input) => weightOf(input)?.dims.join("x") ?? "");
  const readers = node.outputs.map((output) =>
    [...(output?.uses.map((use) => use.node.op) ?? []), ...(output?.isGraphOutput ? ["output"] : [])]
      .sort()
      .join("+"),
  );
  return `${node.domain}:${node.op}[${weights.join()}]>${readers.join()}`;
}

function weightOf(value: Value | null): Tensor | null {
  return value?.initializer ?? value?.constant ?? null;
}

const contents = new WeakMap<Node, string>();

/** Hash of a node's weights, and its numbers. */
function contentOf(node: Node): string {
  const content = contents.get(node) ?? describeContent(node);
  contents.set(node, content);
  return content;
}

function describeContent(node: Node): string {
  const weights = node.inputs.flatMap((input) => weightOf(input) ?? []);
  const numbers = [...node.attributes].flatMap(([name, attribute]) =>
    "value" in attribute && typeof attribute.value !== "object" ? [`${name}=${String(attribute.value)}`] : [],
  );
  return [...weights.map(hashTensor), ...numbers].join();
}
