import type { ConvLayer } from "./layer.js";
import { outputSize, weightSize } from "./chain.js";
import { convMacs, type FormCost } from "./cost.js";
import type { ConvSpec, Form, FormPlan } from "./form.js";
import type { Lowering } from "./lowering.js";
import {
  alignChain,
  groupOf,
  isGrouped,
  joinChains,
  joinHeads,
  joinOverCopies,
  joinTails,
  type LazyChain,
  type LazyStage,
} from "./restage.js";

/** A value of a program: the layer's input, the network's shortcut, or what step number n makes. */
export type Operand = "input" | "shortcut" | number;

/** One node of a lowered form, in order; every step has one result. */
export type Step =
  | { readonly op: "conv"; readonly inputs: readonly [Operand]; readonly stage: LazyStage; readonly bias: BiasPart | null; readonly name: string }
  | { readonly op: "add"; readonly inputs: readonly [Operand, Operand] }
  | { readonly op: "concat"; readonly inputs: readonly Operand[] }
  | { readonly op: "slice"; readonly inputs: readonly [Operand]; readonly from: number; readonly to: number }
  | { readonly op: "order"; readonly inputs: readonly [Operand]; readonly side: "in" | "out" }; // prettier-ignore

/** The output channels whose bias a convolution adds. */
export interface BiasPart {
  readonly from: number;
  readonly to: number;
}

export interface Program {
  readonly steps: readonly Step[];
  readonly result: Operand;
}

/** What a program is made from: chains with or without weights, and which channel orders stand around them. */
export interface Chains {
  readonly branches: readonly LazyChain[];
  readonly orderedIn: boolean;
  readonly orderedOut: boolean;
  readonly bias: boolean;
}

/** The chains of a form with its weights. */
export function chainsOf({ branches, inputOrder, outputOrder }: Form, bias: boolean): Chains {
  const isOrder = (order?: Int32Array): boolean => order?.some((channel, i) => channel !== i) ?? false;
  return {
    branches: branches.map((chain) =>
      chain.map(({ spec, taps, weight }) => ({ spec, taps, weight: () => weight })),
    ),
    orderedIn: isOrder(inputOrder),
    orderedOut: isOrder(outputOrder),
    bias,
  };
}

/**
 * The chains of a plan, `groups` times side by side, one for each group of its layer; `weight` makes the weights, as far
 * as they are asked for.
 */
export function plannedChains(
  { branches, ordered = false }: Pick<FormPlan, "branches" | "ordered">,
  groups: number,
  weight: (spec: ConvSpec) => Float64Array,
): Chains {
  const lazy = branches.map((chain) =>
    chain.map((stage): LazyStage => {
      const spec = {
        ...stage.spec,
        inChannels: stage.spec.inChannels * groups,
        outChannels: stage.spec.outChannels * groups,
        group: stage.spec.group * groups,
      };
      return { spec, taps: stage.taps, weight: () => weight(spec) };
    }),
  );
  return { branches: lazy, orderedIn: ordered, orderedOut: ordered, bias: true };
}

/** The nodes of a sum of chains under a lowering. Equal programs come of lowerings that don't differ for these chains. */
export function programOf(chains: Chains, lowering: Lowering, shortcut = false): Program {
  const builder = new ProgramBuilder(chains, lowering);
  return builder.build(shortcut);
}

class ProgramBuilder {
  readonly #steps: Step[] = [];
  #biasLeft: boolean;

  constructor(
    private readonly chains: Chains,
    private readonly lowering: Lowering,
  ) {
    this.#biasLeft = chains.bias;
  }

  build(shortcut: boolean): Program {
    const { orderedIn, orderedOut } = this.chains;
    const input: Operand = orderedIn ? this.#push({ op: "order", inputs: ["input"], side: "in" }) : "input";
    const first = shortcut && this.lowering.shortcutFirst && !orderedOut;
    const terms = this.#terms(input);
    let result = first
      ? terms.reduce<Operand>((sum, term) => this.#push({ op: "add", inputs: [term, sum] }), "shortcut")
      : terms.reduce((sum, term) => this.#push({ op: "add", inputs: [sum, term] }));
    if (orderedOut) result = this.#push({ op: "order", inputs: [result], side: "out" });
    if (shortcut && !first) result = this.#push({ op: "add", inputs: [result, "shortcut"] });
    return { steps: this.#steps, result };
  }

  /** The operands that are to be added. */
  #terms(input: Operand): Operand[] {
    const { join, align } = this.lowering;
    const branches = this.chains.branches.map((chain) => alignChain(chain, align));
    const named = branches.map((chain, b) => ({ chain, prefix: branches.length > 1 ? `branch${b}.` : "" }));
    if (join === "branches") return named.map(({ chain, prefix }) => this.#chain(chain, input, prefix));
    return grouped(named, ({ chain }) => likeness(chain, join)).flatMap((alike) => {
      const own = (): Operand[] => alike.map(({ chain, prefix }) => this.#chain(chain, input, prefix));
      return alike.length === 1 ? own() : (this.#joined(alike.map(({ chain }) => chain), input) ?? own()); // prettier-ignore
    });
  }

  /** Chains of like geometry joined; null where they can't be. */
  #joined(chains: readonly LazyChain[], input: Operand): Operand[] | null {
    switch (this.lowering.join) {
      case "chain": {
        const joined = joinChains(chains);
        return joined && [this.#chain(joined, input, "joined.")];
      }
      case "copies": {
        const joined = joinOverCopies(chains);
        if (!joined) return null;
        const copies = this.#push({ op: "concat", inputs: chains.map(() => input) });
        return [this.#chain(joined, copies, "joined.")];
      }
      case "tails": {
        const tail = joinTails(chains);
        if (!tail) return null;
        const heads = chains.map((chain, b) => this.#chain(chain.slice(0, -1), input, `head${b}.`, true));
        const all = this.#push({ op: "concat", inputs: heads });
        return [this.#chain([tail], all, "joined.")];
      }
      case "heads": {
        const head = joinHeads(chains);
        if (!head) return null;
        const all = this.#chain([head], input, "joined.", true);
        let from = 0;
        return chains.map((chain, b) => {
          const to = from + chain[0]!.spec.outChannels;
          const part = this.#push({ op: "slice", inputs: [all], from, to });
          from = to;
          return this.#chain(chain.slice(1), part, `tail${b}.`);
        });
      }
      case "branches":
        return null;
    }
  }

  /** Convolutions one after another; the first chain that ends in the layer's output adds the bias. */
  #chain(chain: LazyChain, input: Operand, prefix: string, inner = false): Operand {
    return chain.reduce<Operand>((value, stage, s) => {
      const bias = !inner && s === chain.length - 1 && this.#biasLeft;
      if (bias) this.#biasLeft = false;
      return this.#stage(stage, value, `${prefix}${stageName(stage.spec, s)}`, bias);
    }, input);
  }

  #stage(stage: LazyStage, input: Operand, name: string, bias: boolean): Operand {
    const { group, inChannels, outChannels } = stage.spec;
    if (!this.lowering.split || !isGrouped(stage)) {
      return this.#conv(stage, input, name, bias ? { from: 0, to: outChannels } : null);
    }
    const [perIn, perOut] = [inChannels / group, outChannels / group];
    const parts = Array.from({ length: group }, (_, g) => {
      const part = this.#push({ op: "slice", inputs: [input], from: g * perIn, to: (g + 1) * perIn });
      const own = bias ? { from: g * perOut, to: (g + 1) * perOut } : null;
      return this.#conv(groupOf(stage, g), part, `${name}.group${g}`, own);
    });
    return this.#push({ op: "concat", inputs: parts });
  }

  #conv(stage: LazyStage, input: Operand, name: string, bias: BiasPart | null): Operand {
    return this.#push({ op: "conv", inputs: [input], stage, bias, name });
  }

  #push(step: Step): number {
    return this.#steps.push(step) - 1;
  }
}

/** What branches must share to be joined: the geometry of the stages that become one. */
function likeness(chain: LazyChain, join: Lowering["join"]): string {
  const geometry = (stage: LazyStage, ...free: (keyof ConvSpec)[]): string =>
    JSON.stringify({ ...stage.spec, ...Object.fromEntries(free.map((key) => [key, 0])) });
  const [head, tail] = [chain[0]!, chain.at(-1)!];
  if (join === "tails") return geometry(tail, "inChannels");
  if (join === "heads") return geometry(head, "outChannels");
  return [geometry(head, "outChannels"), chain.length, geometry(tail, "inChannels")].join();
}

/** Lists of items of one key, in the order of their first members. */
function grouped<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const lists = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const list = lists.get(key);
    if (list) list.push(item);
    else lists.set(key, [item]);
  }
  return [...lists.values()];
}

/** What a stage is called in the graph: `depthwise0`, `grouped1`, `1x1_2`, `3x1_0`. */
function stageName({ kernel, group, inChannels }: ConvSpec, index: number): string {
  if (kernel.length === 0) return `factor${index}`;
  if (group > 1) return `${group === inChannels ? "depthwise" : "grouped"}${index}`;
  return `${kernel.join("x")}_${index}`;
}

/** Structure and geometry of a program without names and weights: equal where a runtime does the same work. */
export function programKey({ steps, result }: Program): string {
  const lines = steps.map((step) => {
    const from = step.inputs.map((operand) => (typeof operand === "number" ? operand : operand[0])).join();
    if (step.op === "conv") return `${convKey(step.stage.spec)}${step.bias ? "b" : ""}(${from})`;
    if (step.op === "slice") return `slice${step.from}-${step.to}(${from})`;
    return `${step.op}(${from})`;
  });
  return `${lines.join(" ")} ${result === steps.length - 1 ? "" : result}`.trim();
}

/** `64>32k3x1s2x1d1x1p1.0.1.0g4`. */
export function convKey({
  inChannels,
  outChannels,
  kernel,
  strides,
  dilations,
  pads,
  group,
}: ConvSpec): string {
  const list = (letter: string, values: readonly number[], neutral: number): string =>
    values.every((value) => value === neutral) ? "" : `${letter}${values.join("x")}`;
  return [
    `${inChannels}>${outChannels}k${kernel.join("x")}`,
    ...[list("s", strides, 1), list("d", dilations, 1), list("p", pads, 0), group > 1 ? `g${group}` : ""],
  ].join("");
}

/** Spatial size of every step's result for one sample; operands that are no step have the layer's sizes. */
export function stepShapes({ steps }: Program, layer: ConvLayer): (readonly number[])[] {
  const shapes: (readonly number[])[] = [];
  const shapeOf = (operand: Operand): readonly number[] =>
    operand === "input" ? layer.inputShape : operand === "shortcut" ? layer.outputShape : shapes[operand]!;
  for (const step of steps) {
    const from = shapeOf(step.inputs[0]!);
    shapes.push(
      step.op === "conv" ? from.map((size, axis) => outputSize(step.stage.spec, axis, size)) : from,
    );
  }
  return shapes;
}

/** What the nodes of a program cost: more than the form where zeros are filled in. */
export function programCost(program: Program, layer: ConvLayer): FormCost {
  const shapes = stepShapes(program, layer);
  let [macs, params] = [0, 0];
  for (const [n, step] of program.steps.entries()) {
    if (step.op !== "conv") continue;
    macs += convMacs(
      step.stage.spec,
      shapes[n]!.reduce((product, size) => product * size, 1),
    );
    params += weightSize(step.stage.spec);
  }
  return { macs, params };
}
