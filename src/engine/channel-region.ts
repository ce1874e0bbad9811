import type { Node, Value } from "../ir/index.js";
import { channelwise, type Channelwise } from "./channelwise.js";
import { decline, isDecline, type Decline } from "./decline.js";
import { isLinearOp, readLinearLayer, type LinearLayer } from "./linear-layer.js";
import type { RewriteContext } from "./pass.js";

/**
 * Everything that a set of channels touches: the layers that produce them, the channelwise nodes that they pass
 * through, residual sums included, and the layers that read them. Inside, channels can be reordered, dropped and
 * merged without anyone outside noticing.
 */
export interface ChannelRegion {
  readonly channels: number;
  /** Values that carry the channels on axis 1, with the number of consecutive entries per channel. */
  readonly values: ReadonlyMap<Value, number>;
  /** Layers whose output channels these are. */
  readonly producers: readonly LinearLayer[];
  /** Layers whose input channels these are. */
  readonly consumers: readonly LinearLayer[];
  /** Channelwise nodes in topological order; depthwise convolutions have their layer. */
  readonly ops: readonly RegionOp[];
}

export interface RegionOp {
  readonly node: Node;
  readonly how: Channelwise;
  /** Set for a depthwise convolution with one filter per channel. */
  readonly depthwise: LinearLayer | null;
}

/** Regions beyond this many nodes are left alone. */
const largest = 2000;

/** The region around a value, or why its channels can't be touched; what was found so far when `ends` says so of a producer. */
export function channelRegion(
  start: Value,
  cx: RewriteContext,
  ends: (producer: Node) => boolean = () => false,
): ChannelRegion | Decline {
  const width = cx.fact(start).shape?.[1];
  if (typeof width !== "number") return decline("its number of channels is unknown");
  return new Walk(width, cx).from(start, ends);
}

/**
 * The region of a layer's output channels; null where another layer stands first in it, so that of all layers of a region
 * one has it. A long chain of residual sums is not walked through for each of its layers.
 */
export function ownChannelRegion(layer: Node, cx: RewriteContext): ChannelRegion | Decline | null {
  const order = new Map(cx.graph.nodes.map((node, index) => [node, index]));
  const region = channelRegion(layer.output, cx, (other) => order.get(other)! < order.get(layer)!);
  return isDecline(region) || region.producers[0]?.node === layer ? region : null;
}

class Walk {
  readonly #values = new Map<Value, number>();
  readonly #producers = new Map<Node, LinearLayer>();
  readonly #consumers = new Map<Node, LinearLayer>();
  readonly #ops = new Map<Node, RegionOp>();
  readonly #queue: [Value, number][] = [];

  constructor(
    private readonly channels: number,
    private readonly cx: RewriteContext,
  ) {}

  from(start: Value, ends: (producer: Node) => boolean): ChannelRegion | Decline {
    this.#queue.push([start, 1]);
    for (let next = this.#queue.pop(); next; next = this.#queue.pop()) {
      const problem = this.#visit(...next);
      if (problem !== null) return decline(problem);
      const { producer } = next[0];
      if (producer && this.#producers.has(producer) && ends(producer)) break;
      if (this.#ops.size > largest) return decline("its channels reach too far");
    }
    const order = new Map(this.cx.graph.nodes.map((node, index) => [node, index]));
    const sorted = <T extends { readonly node: Node }>(items: Iterable<T>): T[] =>
      [...items].sort((a, b) => order.get(a.node)! - order.get(b.node)!);
    return {
      channels: this.channels,
      values: this.#values,
      producers: sorted(this.#producers.values()),
      consumers: sorted(this.#consumers.values()),
      ops: sorted(this.#ops.values()),
    };
  }

  #visit(value: Value, repeat: number): string | null {
    const known = this.#values.get(value);
    if (known !== undefined)
      return known === repeat ? null : `"${value.name}" carries its channels in two ways`;
    this.#values.set(value, repeat);
    if (this.cx.fact(value).shape?.[1] !== this.channels * repeat)
      return `the shape of "${value.name}" is unknown`;
    const readers = this.cx.readers(value);
    if (!readers)
      return value.isGraphOutput ? `"${value.name}" is an output` : `a subgraph reads "${value.name}"`;
    const { producer } = value;
    if (!producer)
      return value.isGraphInput ? `"${value.name}" is an input` : `"${value.name}" is a constant`;
    const problem = isLinearOp(producer)
      ? this.#produced(producer, repeat)
      : this.#through(producer, value, repeat, true);
    if (problem !== null) return problem;
    for (const reader of readers) {
      const trouble = isLinearOp(reader)
        ? this.#consumed(reader, value, repeat)
        : this.#through(reader, value, repeat, false);
      if (trouble !== null) return trouble;
    }
    return null;
  }

  #produced(node: Node, repeat: number): string | null {
    const layer = readLinearLayer(node, this.cx);
    if (isDecline(layer)) return `of "${node.label}": ${layer.declined}`;
    if (isDepthwise(layer)) return this.#depthwise(layer, repeat);
    if (layer.group > 1) return `"${node.label}" makes them in groups`;
    if (layer.op === "MatMul" && this.cx.fact(layer.output).shape?.length !== 2)
      return `"${node.label}" is a batched MatMul`;
    this.#producers.set(node, layer);
    return null;
  }

  #consumed(node: Node, value: Value, repeat: number): string | null {
    const layer = readLinearLayer(node, this.cx);
    if (isDecline(layer)) return `of "${node.label}": ${layer.declined}`;
    if (layer.input !== value || node.inputs.slice(1).includes(value))
      return `"${node.label}" reads it as weights`;
    if (isDepthwise(layer)) return this.#depthwise(layer, repeat);
    if (layer.group > 1) return `"${node.label}" reads them in groups`;
    if (layer.op === "MatMul" && this.cx.fact(value).shape?.length !== 2)
      return `"${node.label}" is a batched MatMul`;
    this.#consumers.set(node, layer);
    return null;
  }

  #depthwise(layer: LinearLayer, repeat: number): string | null {
    if (repeat !== 1) return `"${layer.node.label}" reads several entries per channel`;
    const how: Channelwise = { inputs: [layer.input], parameters: new Map(), spread: 1 };
    this.#ops.set(layer.node, { node: layer.node, how, depthwise: layer });
    this.#queue.push([layer.output, 1], [layer.input, 1]);
    return null;
  }

  /** A channelwise node, met at its output (`backward`) or at one of its inputs. */
  #through(node: Node, value: Value, repeat: number, backward: boolean): string | null {
    if (this.#ops.has(node)) return null;
    const widthIn = backward ? this.#inputWidth(node) : this.channels * repeat;
    const how = widthIn === null ? null : channelwise(node, widthIn, this.cx);
    if (!how || (!backward && !how.inputs.includes(value))) {
      return `"${node.label}" (${node.op}) ${backward ? "makes" : "reads"} them as a whole`;
    }
    const before = backward ? repeat / how.spread : repeat;
    if (!Number.isInteger(before) || widthIn !== this.channels * before)
      return `"${node.label}" (${node.op}) cuts across them`;
    this.#ops.set(node, { node, how, depthwise: null });
    // What is pushed last is visited first: what layers make, then the rest of the way back.
    this.#queue.push([node.output, before * how.spread]);
    const isMade = ({ producer }: Value): number => Number(producer !== null && isLinearOp(producer));
    for (const input of [...how.inputs].sort((a, b) => isMade(a) - isMade(b)))
      this.#queue.push([input, before]);
    return null;
  }

  /** Entries of axis 1 of the inputs that carry channels, seen from the output. */
  #inputWidth(node: Node): number | null {
    if (node.is("Flatten", "Reshape")) {
      const width = this.cx.fact(node.input(0)).shape?.[1];
      return typeof width === "number" ? width : null;
    }
    const width = this.cx.fact(node.output).shape?.[1];
    return typeof width === "number" ? width : null;
  }
}

/** One filter per channel, in and out alike. */
export function isDepthwise(layer: LinearLayer): boolean {
  return (
    layer.op === "Conv" &&
    layer.group > 1 &&
    layer.group === layer.inChannels &&
    layer.group === layer.outChannels
  );
}
