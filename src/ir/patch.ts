import { attributes, type AttributeInput, type Attributes } from "./attribute.js";
import { removeDead, subgraphsReturning } from "./dead.js";
import { addNode, addValue, renameNode, renameValue, setInitializer, setInput } from "./edit.js";
import { InvariantError } from "./errors.js";
import { Value, type Dim, type Graph, type Node, type NodeSpec, type TensorType } from "./graph.js";
import { isSortedAround, sortTopologically } from "./order.js";
import { checkPatch } from "./patch-check.js";
import type { Tensor } from "./tensor.js";

export interface OpOptions {
  /** The new node is called `${anchor}.${suffix}`; by default the operator's name in lower case. */
  readonly suffix?: string;
  readonly domain?: string;
  readonly type?: TensorType;
  /**
   * A node that the patch makes superfluous and whose name and doc string the new one takes over. Without a name, users
   * knew it by its output; where the new node makes another value, that becomes its name.
   */
  readonly heirOf?: Node;
}

/** A node that a patch would add. */
export interface PlannedNode {
  readonly op: string;
  readonly domain: string;
  readonly suffix: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly output: Value;
  readonly heirOf: Node | null;
}

/** What applying a patch did. */
export interface AppliedPatch {
  readonly added: readonly Node[];
  readonly removed: readonly Node[];
}

/**
 * A planned change around one anchor node: new nodes, new constants and «this value now comes from there».
 * Building one changes nothing; {@link Patch.apply} makes the whole change or, when a check fails, none of it.
 */
export class Patch {
  readonly #nodes: PlannedNode[] = [];
  readonly #constants: { readonly value: Value; readonly suffix: string; readonly tensor: Tensor }[] = [];
  readonly #replacements: { readonly old: Value; readonly by: Value }[] = [];
  #applied = false;
  readonly #drops: Value[] = [];

  constructor(
    readonly graph: Graph,
    readonly anchor: Node,
    /** Name of the pass that plans the change; recorded as the new nodes' origin. */
    readonly pass = "",
  ) {}

  /** Plans a node with one output and returns that output. */
  op(
    type: string,
    inputs: readonly (Value | null)[],
    attrs: Readonly<Record<string, AttributeInput | undefined>> = {},
    options: OpOptions = {},
  ): Value {
    const suffix = options.suffix ?? type.toLowerCase();
    const output = new Value(`${this.anchor.label}.${suffix}`, options.type ?? null);
    this.#nodes.push({
      op: type,
      domain: options.domain ?? "",
      suffix,
      inputs: [...inputs],
      attributes: attributes(attrs),
      output,
      heirOf: options.heirOf ?? null,
    });
    return output;
  }

  /** Plans an initializer under a fresh name; an existing one is never overwritten. */
  constant(suffix: string, tensor: Tensor): Value {
    const value = new Value(`${this.anchor.label}.${suffix}`, { dtype: tensor.dtype, shape: tensor.dims });
    this.#constants.push({ value, suffix, tensor });
    return value;
  }

  /** Plans that every reader of `old` reads `by`, which takes over its name. Throws when their known types differ. */
  replace(old: Value, by: Value): void {
    if (old.type && by.type && !compatible(old.type, by.type)) {
      throw new InvariantError(`${describe(by.type)} cannot replace ${describe(old.type)}`, {
        where: { node: this.anchor.label, tensor: old.name },
      });
    }
    this.#replacements.push({ old, by });
  }

  /** Plans that a value nobody reads goes, with whatever only it needed. Nothing happens to one that is read. */
  drop(value: Value): void {
    this.#drops.push(value);
  }

  /** Planned nodes, for type inference and cost before anything is applied. */
  get planned(): readonly PlannedNode[] {
    return this.#nodes;
  }

  /** Tensor of a value that this patch plans as a constant. */
  plannedConstant(value: Value): Tensor | null {
    return this.#constants.find((constant) => constant.value === value)?.tensor ?? null;
  }

  get replacements(): readonly { readonly old: Value; readonly by: Value }[] {
    return this.#replacements;
  }

  get drops(): readonly Value[] {
    return this.#drops;
  }

  /** Constants that this patch plans, in order. */
  get constants(): readonly { readonly value: Value; readonly tensor: Tensor }[] {
    return this.#constants;
  }

  get isEmpty(): boolean {
    return this.#replacements.length === 0 && this.#drops.length === 0;
  }

  /**
   * Makes the change, replacements in the order of their planning. Whatever only the replaced values needed (nodes,
   * initializers) is removed, and so is what this patch planned and nothing reads. Throws an InvariantError, with
   * the graph untouched, when the change would break it. A patch can be applied once.
   */
  apply(): AppliedPatch {
    checkPatch(this, this.#applied);
    this.#applied = true;
    const { graph } = this;
    const outputs = [...new Set(graph.outputs_)].map((value) => ({
      ...{ value, name: value.name, type: value.type, source: value.source },
      slots: graph.outputs_.flatMap((output, slot) => (output === value ? [slot] : [])),
    }));
    const replaced = this.#replacements.map(({ old, by }) => ({
      ...{ old, by, name: old.name, type: old.type, source: old.source, maker: old.producer },
    }));
    const heirs = new Map<Node, Node>();
    const labels = new Map(this.#nodes.flatMap(({ heirOf }) => (heirOf ? [[heirOf, heirOf.label]] : [])));
    const added = this.#add(heirs);
    const own = new Set(added);
    for (const { old, by } of replaced) redirect(graph, old, by, own);
    const changed = outputs.filter(({ value, slots }) => graph.outputs_[slots[0]!] !== value);
    for (const { value, slots } of changed) {
      const by = graph.outputs_[slots[0]!]!;
      // An output needs a node of this graph that makes it, and nothing else, under its name.
      const elsewhere = graph.outputs_.some((output, slot) => output === by && !slots.includes(slot));
      if (by.producer !== null && by.graph === graph && !elsewhere) continue;
      const copy = new Value(graph.freshName(`${value.name}.copy`), by.type);
      const identity = addNode(graph, {
        ...{ op: "Identity", inputs: [by], outputs: [copy], origin: this.#origin },
        name: this.anchor.name === "" ? "" : graph.freshNodeName(`${this.anchor.name}.identity`),
      });
      for (const slot of slots) graph.outputs_[slot] = copy;
      own.add(identity);
      added.push(identity);
      if (value.producer) heirs.set(identity, value.producer);
    }
    const removed: Node[] = [];
    for (const value of [...replaced.map(({ old }) => old), ...this.#drops]) removeDead(value, removed);
    // First all names are given up, then taken: outputs may have changed places.
    for (const { value, name } of changed) {
      if (value.graph !== null) renameValue(value, graph.freshName(`${name}.before`));
    }
    for (const { slots, name, type, source } of changed) {
      takeOver(graph.outputs_[slots[0]!]!, name, type, source);
    }
    for (const { old, by, name, type, source, maker } of replaced) {
      if (!by.producer || !own.has(by.producer) || old.graph !== null) continue;
      // The name of what was replaced lives on, with its recorded type, in what replaces it.
      if (!by.isGraphOutput && !graph.value(name)) takeOver(by, name, type, source);
      if (maker && !heirs.has(by.producer)) heirs.set(by.producer, maker);
    }
    for (const [heir, predecessor] of heirs) {
      const label = labels.get(predecessor);
      const name =
        predecessor.name === "" && label !== undefined && label !== heir.label ? label : predecessor.name;
      if (name !== "" && !predecessor.graph && !graph.nodeNames_.has(name)) renameNode(heir, name);
    }
    for (const { output } of this.#nodes) removeDead(output);
    for (const { value } of this.#constants) removeDead(value);
    const touched = [...own, ...replaced.map(({ by }) => by.producer)];
    const present = touched.filter((node) => node !== null).filter((node) => node.graph === graph);
    if (!isSortedAround(graph, present)) sortTopologically(graph);
    return { added: added.filter((node) => node.graph === graph), removed };
  }

  get #origin(): readonly string[] {
    return this.pass === "" ? this.anchor.origin : [...this.anchor.origin, this.pass];
  }

  /** Adds the planned constants and nodes in front of the anchor, under fresh names, and fills `heirs` (heir → of whom). */
  #add(heirs: Map<Node, Node>): Node[] {
    const { graph, anchor } = this;
    const { label } = anchor;
    const index = graph.nodes_.indexOf(anchor);
    const added: Node[] = [];
    const add = (op: string, suffix: string, spec: Omit<NodeSpec, "op" | "name" | "origin">): void => {
      const name = anchor.name === "" ? "" : graph.freshNodeName(`${anchor.name}.${suffix}`);
      added.push(addNode(graph, { op, name, origin: this.#origin, ...spec }, index + added.length));
    };
    for (const { value, suffix, tensor } of this.#constants) {
      value.name_ = graph.freshName(`${label}.${suffix}`);
      // Before IR version 4 every initializer had to be listed among the inputs, which a branch may not have.
      const listed = graph.root.irVersion < 4;
      if (listed && graph.parent !== null) {
        add("Constant", suffix, { inputs: [], outputs: [value], attributes: attributes({ value: tensor }) });
        continue;
      }
      addValue(graph, value);
      setInitializer(graph, value, tensor);
      if (listed) graph.inputs_.push(value);
    }
    for (const { op, domain, suffix, inputs, attributes: values, output, heirOf } of this.#nodes) {
      output.name_ = graph.freshName(`${label}.${suffix}`);
      const docString = heirOf?.docString ?? "";
      add(op, suffix, { domain, inputs, outputs: [output], attributes: values, docString });
      if (heirOf) heirs.set(added.at(-1)!, heirOf);
    }
    return added;
  }
}

/** Makes every reader of `old` but the patch's own nodes read `by`: a planned x -> f(x) keeps reading the old x. */
function redirect(graph: Graph, old: Value, by: Value, own: ReadonlySet<Node>): void {
  for (const { node, index } of old.uses) if (!own.has(node)) setInput(node, index, by);
  for (const scope of [graph, ...subgraphsReturning(graph, old)]) {
    scope.outputs_.forEach((output, slot) => {
      if (output === old) scope.outputs_[slot] = by;
    });
  }
}

function takeOver(value: Value, name: string, type: TensorType | null, source: unknown): void {
  renameValue(value, name);
  value.type = type ?? value.type;
  value.source = source;
}

function compatible(a: TensorType, b: TensorType): boolean {
  if (a.dtype !== b.dtype) return false;
  if (!a.shape || !b.shape) return true;
  const fits = (p: Dim, q: Dim): boolean => typeof p !== "number" || typeof q !== "number" || p === q;
  return a.shape.length === b.shape.length && a.shape.every((dim, axis) => fits(dim, b.shape![axis]!));
}

/** `float32[N,3,32,32]`, for messages and printing. */
export function describe(type: TensorType | null): string {
  if (!type) return "?";
  return `${type.dtype}${type.shape ? `[${type.shape.map((dim) => dim ?? "?").join(",")}]` : "[…]"}`;
}
