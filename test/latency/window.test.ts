import { describe, expect, it } from "vitest";
import { layerWindow, type LatencySlot } from "../../src/latency/index.js";
import { signatureText, textHash } from "../../src/latency/signature.js";
import { attr, cloneModel, GraphBuilder, Model, Tensor, verify } from "../../src/ir/index.js";
import { inferFacts, interpret } from "../../src/measure/index.js";
import { isLayer, readLayer } from "../../src/forms/index.js";
import { noise, residualNetwork } from "./networks.js";

const network = residualNetwork(3);
const slotOf = (name: string): LatencySlot => network.slots.find(({ layer }) => layer.name === name)!;
const opsOf = (model: Model): string[] => model.graph.nodes.map(({ op }) => op);

describe("a window", () => {
  it("reaches from the convolution before to the one behind, with what lies between", () => {
    const { model, shortcut } = layerWindow(network.model, network.facts, slotOf("block1.a"))!;
    expect(opsOf(model)).toEqual(["Conv", "Add", "Relu", "Conv", "Relu", "Conv"]);
    expect(model.graph.nodes.filter(({ op }) => op === "Conv").map(({ name }) => name)).toEqual(["block0.b", "block1.a", "block1.b"]); // prettier-ignore
    expect(shortcut).toBe(false);
  });

  it("holds the Add of a shortcut and what it adds to, fed from outside", () => {
    const { model, shortcut, feeds } = layerWindow(network.model, network.facts, slotOf("block1.b"))!;
    expect(opsOf(model)).toEqual(["Conv", "Relu", "Conv", "Add", "Relu", "Conv"]);
    expect(shortcut).toBe(true);
    expect(feeds.size).toBe(1);
    expect([...feeds.values()][0]!.dims).toEqual([1, 8, 8, 8]);
  });

  it("of the last convolution ends at the classifier's input or behind it", () => {
    const { model } = layerWindow(network.model, network.facts, slotOf("block2.b"))!;
    expect(opsOf(model).slice(0, 5)).toEqual(["Conv", "Relu", "Conv", "Add", "Relu"]);
    expect(opsOf(model)).toContain("GlobalAveragePool");
  });

  it("is a sound model that can be run, for every layer", () => {
    for (const slot of network.slots) {
      const { model, feeds, output } = layerWindow(network.model, network.facts, slot)!;
      verify(model.graph);
      expect(model.graph.value(output)!.producer!.op).toBe(slot.layer.op);
      for (const { dims } of interpret(model, feeds).values()) expect(dims[0]).toBe(1);
    }
  });

  it("feeds only what has no value, in a model that lists its weights as inputs", () => {
    const model = cloneModel(network.model);
    const plain = layerWindow(network.model, network.facts, slotOf("block1.a"))!;
    model.graph.irVersion = 3;
    model.graph.inputs_.push(...model.graph.initializers);
    const window = layerWindow(model, inferFacts(model, { shapes: new Map([["x", [1, 3, 8, 8]]]) }), slotOf("block1.a"))!; // prettier-ignore
    expect([...window.feeds.keys()]).toEqual([...plain.feeds.keys()]);
    expect(window.key).toBe(plain.key);
    expect(interpret(window.model, window.feeds)).toEqual(interpret(plain.model, plain.feeds));
  });

  it("leaves the model as it is", () => {
    const before = signatureText(network.model);
    layerWindow(network.model, network.facts, slotOf("block1.b"));
    expect(signatureText(network.model)).toBe(before);
  });

  it("keys what is alike alike, whatever names and weights", () => {
    const keyOf = (name: string): string => layerWindow(network.model, network.facts, slotOf(name))!.key;
    expect(keyOf("block1.a")).toBe(keyOf("block2.a"));
    expect(keyOf("block1.a")).not.toBe(keyOf("block1.b"));
    expect(keyOf("stem")).not.toBe(keyOf("block1.a"));
    const larger = residualNetwork(3, 8, 9);
    const other = larger.slots.find(({ layer }) => layer.name === "block1.a")!;
    expect(layerWindow(larger.model, larger.facts, other)!.key).not.toBe(keyOf("block1.a"));
  });

  it("leaves out neighbours that cost far more than the layer", () => {
    const b = new GraphBuilder();
    b.graph.opsets.set("", 13);
    const conv = (input: ReturnType<typeof b.input>, name: string, out: number, from: number) =>
      b.op("Conv", [input, b.initializer(`${name}.w`, noise([out, from, 1, 1]))], {}, { name });
    const x = b.input("x", { dtype: "float32", shape: [1, 4, 6, 6] });
    const small = conv(b.op("Relu", [conv(x, "big", 64, 4)]), "small", 1, 64);
    b.output(conv(small, "behind", 2, 1), null);
    const model = new Model(b.graph);
    const facts = inferFacts(model);
    const layer = readLayer(small.producer!, facts);
    if (!isLayer(layer)) throw new Error(layer.declined);
    const window = layerWindow(model, facts, { layer, output: small.name })!;
    expect(window.model.graph.nodes.map(({ name }) => name).filter((name) => ["big", "behind"].includes(name))).toEqual(["behind"]); // prettier-ignore
  });

  it("isn't cut where a shape is unknown", () => {
    const facts = inferFacts(network.model);
    expect(layerWindow(network.model, facts, slotOf("block1.a"))).toBeNull();
    expect(
      layerWindow(network.model, network.facts, { ...slotOf("block1.a"), output: "no such value" }),
    ).toBeNull();
  });
});

describe("a signature", () => {
  it("holds attributes, shapes and the values of small integers", () => {
    const make = (axis: number, start: number, width: number): Model => {
      const b = new GraphBuilder();
      b.graph.opsets.set("", 13);
      const x = b.input("x", { dtype: "float32", shape: [1, width] });
      const bound = (name: string, value: number) => b.initializer(name, Tensor.i64([1], [value]));
      const part = b.op("Slice", [x, bound("s", start), bound("e", 9)]);
      b.output(b.op("Softmax", [part], { axis: attr.int(axis) }));
      return new Model(b.graph);
    };
    const texts = [make(1, 2, 12), make(0, 2, 12), make(1, 3, 12), make(1, 2, 13)].map((model) =>
      signatureText(model),
    );
    expect(new Set(texts).size).toBe(4);
    expect(signatureText(cloneModel(make(1, 2, 12)))).toBe(texts[0]);
  });

  it("marks the layer's place", () => {
    const { model } = network;
    const [a, b] = [model.graph.nodes[0]!, model.graph.nodes[2]!];
    expect(signatureText(model, a)).not.toBe(signatureText(model, b));
  });

  it("hashes to short keys that don't collide among many", () => {
    const keys = new Set(Array.from({ length: 20_000 }, (_, i) => textHash(`form ${i}`)));
    expect(keys.size).toBe(20_000);
    for (const key of [...keys].slice(0, 100)) expect(key).toMatch(/^[0-9a-z]{1,24}$/);
    expect(textHash("a")).toBe(textHash("a"));
  });
});
