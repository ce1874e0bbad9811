import fc from "fast-check";
import onnxProto from "onnx-proto";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphBuilder, Model, Patch, Tensor, cloneModel, print, verify } from "../../src/ir/index.js";
import { decodeModel, encodeModel } from "../../src/onnx/index.js";
import { messages, readMessage } from "../../src/onnx/proto.js";
import {
  bytes,
  file,
  fixtures,
  goodFiles,
  info,
  int,
  model,
  node,
  opset17,
  readBytes,
  text,
} from "./wire.js";

const named = goodFiles.map((path) => [basename(path), path] as const);
const isSorted = (path: string): boolean => !path.includes("unsorted-nodes");

describe("decode, then encode", () => {
  it.each(named)("%s comes out byte by byte", (_, path) => {
    const original = readBytes(path);
    const decoded = decodeModel(original, { file: path });
    verify(decoded.graph);
    for (const { body } of decoded.functions) verify(body);
    const written = encodeModel(decoded);
    if (isSorted(path)) expect(Buffer.compare(written, original)).toBe(0);
    else expect(decoded.warnings.join()).toMatch(/out of order/);
    // A clone shares the messages.
    expect(Buffer.compare(encodeModel(cloneModel(decoded)), written)).toBe(0);
  });

  it.each(named.filter(([, path]) => !path.includes("external")))(
    "%s survives without any of its original messages",
    (_, path) => {
      const decoded = decodeModel(readBytes(path));
      const again = decodeModel(encodeModel(rebuilt(decoded)));
      expect(print(again.graph)).toBe(print(decoded.graph));
    },
  );

  it("reads integers exactly", () => {
    const big = -(2n ** 63n) + 12345n;
    const tensor = [...bytes(1), ...int(2, 7), ...text(8, "w"), ...bytes(7, int(0, big).slice(1))];
    const decoded = decodeModel(model(bytes(5, int(1, 1), tensor), bytes(12, text(1, "w"))));
    expect((decoded.graph.value("w")!.initializer!.data as BigInt64Array)[0]).toBe(big);
  });

  it("leaves raw_data where it is", () => {
    const original = readBytes(`${fixtures}/conv-bn-relu.onnx`);
    const raw = readMessage(messages.model, original).graph!.initializer![0]!.raw_data!;
    expect(raw.buffer).toBe(original.buffer);
  });

  it("keeps NaN payloads, byte-order marks and INT64_MAX", () => {
    const floats = [0, 0, 0xc0, 0x7f, 0x01, 0, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x7f];
    const tensor = [...int(1, 3), ...int(2, 1), ...bytes(4, floats), ...text(8, "\uFEFFw")];
    const ends = [...text(1, "ends"), ...int(8, 2n ** 63n - 1n), ...int(20, 7)];
    const original = model(
      bytes(1, node("Slice", ["\uFEFFw"], ["y"], bytes(5, ends))),
      bytes(5, tensor),
      bytes(12, text(1, "y")),
    );
    expect(Buffer.from(encodeModel(decodeModel(original))).equals(canonical(original))).toBe(true);
  });
});

/** Sorted by field number, as encoders write it: graph messages above put nodes before the name. */
function canonical(original: Uint8Array): Buffer {
  return Buffer.from(messages.model.encode(readMessage(messages.model, original)).finish());
}

/** The same graph without any message to fall back to; functions are kept. */
function rebuilt(decoded: Model): Model {
  const copy = cloneModel(decoded);
  const strip = (graph: Model["graph"]): void => {
    graph.source = null;
    for (const value of graph.values_.values()) value.source = null;
    for (const one of graph.nodes_) one.subgraphs.forEach(strip);
  };
  strip(copy.graph);
  return copy;
}

describe("unknown fields", () => {
  const field = fc.oneof(
    fc.nat(2 ** 31 - 1).map((value) => int(7000, value)),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((value) => [...key(7001, 1), ...value]),
    fc.uint8Array({ maxLength: 20 }).map((value) => bytes(7002, [...value])),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((value) => [...key(7005, 5), ...value]),
    fc
      .nat(200)
      .map((value) => [...key(7003, 3), ...int(1, value), ...key(9, 3), ...key(9, 4), ...key(7003, 4)]),
  );

  function key(id: number, wire: number): number[] {
    return int(id, 0).slice(0, -1).map((byte, index) => (index === 0 ? byte | wire : byte)); // prettier-ignore
  }

  /** Every message below `message`, itself first. */
  function below(message: object): object[] {
    return [
      message,
      ...Object.values(message).flatMap((value: unknown): object[] => {
        if (Array.isArray(value)) return value.flatMap((item) => (isMessage(item) ? below(item) : []));
        return isMessage(value) ? below(value) : [];
      }),
    ];
  }

  function isMessage(value: unknown): value is object {
    const plain = typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
    return plain && !("low" in value && "high" in value);
  }

  const rich = [
    "metadata",
    "custom-domain",
    "local-function",
    "device-configuration",
    "sparse-initializer",
    "if-captures-weight",
  ];

  it.each(rich)("survive at every message of %s", (name) => {
    const original = readBytes(`${fixtures}/${name}.onnx`);
    fc.assert(
      fc.property(fc.infiniteStream(fc.tuple(fc.boolean(), fc.array(field, { maxLength: 3 }))), (choices) => {
        const proto = readMessage(messages.model, original);
        for (const message of below(proto)) {
          const [wanted, fields] = choices.next().value as [boolean, number[][]];
          if (wanted) Object.assign(message, { $unknowns: fields.map((item) => Uint8Array.from(item)) });
        }
        const given = messages.model.encode(proto).finish();
        const written = encodeModel(decodeModel(given));
        expect(Buffer.compare(written, given)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("survive beside a change of their node", () => {
    const original = readBytes(`${fixtures}/unknown-fields.onnx`);
    const decoded = decodeModel(original);
    const last = decoded.graph.nodes.at(-1)!;
    const patch = new Patch(decoded.graph, last);
    patch.replace(last.input(0)!, patch.op("Identity", [last.input(0)], {}, { suffix: "copy" }));
    patch.apply();
    const before = below(readMessage(messages.model, original)).flatMap(unknownsOf);
    const after = below(readMessage(messages.model, encodeModel(decoded))).flatMap(unknownsOf);
    expect(before.length).toBeGreaterThan(0);
    expect(after.map(String).sort()).toEqual(before.map(String).sort());
  });

  function unknownsOf(message: object): Uint8Array[] {
    return (message as { $unknowns?: Uint8Array[] }).$unknowns ?? [];
  }

  it("survive as values of enums", () => {
    const odd = [...text(1, "a"), ...int(3, 1), ...int(20, 99)];
    const original = canonical(
      model(
        bytes(1, node("Relu", ["x"], ["y"], bytes(5, odd))),
        bytes(11, info("x", 1)),
        bytes(12, info("y", 1)),
      ),
    );
    expect(Buffer.from(encodeModel(decodeModel(original))).equals(original)).toBe(true);
  });
});

describe("against the package onnx-proto", () => {
  it.each(named)("%s says the same in its older schema", (_, path) => {
    const original = readBytes(path);
    const written = encodeModel(decodeModel(original));
    const view = (content: Uint8Array): unknown =>
      onnxProto.onnx.ModelProto.toObject(onnxProto.onnx.ModelProto.decode(content), {
        longs: String,
        bytes: String,
      });
    if (isSorted(path)) expect(view(written)).toEqual(view(original));
  });

  it("reads what the codec writes from nothing", () => {
    const builder = new GraphBuilder("made");
    builder.input("x", { dtype: "float32", shape: ["N", 3, null] });
    const weight = builder.initializer("w", Tensor.f32([3], [1, -2, 0.5]));
    builder.node("Mul", ["x", weight], { note: "ü" }, { outputs: ["y"], name: "mul" });
    builder.output("y", { dtype: "float32", shape: ["N", 3, null] });
    builder.graph.opsets.set("", 17);
    const read = onnxProto.onnx.ModelProto.decode(encodeModel(new Model(builder.graph)));
    expect(read.graph!.node![0]).toMatchObject({
      name: "mul",
      opType: "Mul",
      input: ["x", "w"],
      output: ["y"],
    });
    expect([...new Float32Array(read.graph!.initializer![0]!.rawData!.slice().buffer)]).toEqual([1, -2, 0.5]);
    expect(
      read.graph!.input![0]!.type!.tensorType!.shape!.dim!.map((dim) => dim.dimParam || Number(dim.dimValue)),
    ).toEqual(["N", 3, 0]);
    expect(read.opsetImport!.map(({ version }) => Number(version))).toEqual([17]);
  });
});

describe("after a change", () => {
  it("only what changed is written anew", () => {
    const original = readBytes(`${fixtures}/metadata.onnx`);
    const decoded = decodeModel(original);
    const before = readMessage(messages.model, original);
    const [first] = decoded.graph.nodes;
    const patch = new Patch(decoded.graph, first!, "test");
    const scale = patch.constant("scale", Tensor.f32([], [2]));
    const old = first!.output;
    patch.replace(old, patch.op("Mul", [old, scale], {}, { suffix: "scaled" }));
    patch.apply();
    const after = readMessage(messages.model, encodeModel(decoded));
    const bytesOf = (message: object): string => JSON.stringify(message);
    const untouched = before.graph!.initializer!.map(bytesOf);
    expect(after.graph!.initializer!.slice(0, untouched.length).map(bytesOf)).toEqual(untouched);
    expect(after.graph!.initializer!.at(-1)).toMatchObject({ name: `${first!.label}.scale` });
    expect(after.metadata_props).toEqual(before.metadata_props);
    expect(after.training_info).toEqual(before.training_info);
    expect(after.graph!.doc_string).toBe(before.graph!.doc_string);
    expect(after.graph!.input).toEqual(before.graph!.input);
    expect(after.graph!.output).toEqual(before.graph!.output);
    verify(decodeModel(encodeModel(decoded)).graph);
  });

  it("value infos follow types and vanish with their values", () => {
    const made = file(
      int(1, 8),
      bytes(7, bytes(1, node("Relu", ["x"], ["a"])), bytes(1, node("Neg", ["a"], ["b"])), bytes(1, node("Abs", ["b"], ["y"])), text(2, "g"),
        bytes(11, info("x", 2)), bytes(12, info("y", 2)), bytes(13, info("a", 2)), bytes(13, info("b", 2)), bytes(13, info("stranger", 9))),
      opset17,
    ); // prettier-ignore
    const decoded = decodeModel(made);
    expect(Buffer.compare(encodeModel(decoded), made)).toBe(0);
    const { graph } = decoded;
    const abs = graph.value("y")!.producer!;
    const patch = new Patch(graph, abs);
    patch.replace(graph.value("y")!, patch.op("Abs", [graph.value("a")!], {}, { suffix: "direct" }));
    patch.apply();
    graph.value("a")!.type = { dtype: "float32", shape: ["N"] };
    const infos = readMessage(messages.model, encodeModel(decoded)).graph!.value_info!;
    expect(infos.map(({ name }) => name)).toEqual(["a", "stranger"]);
    expect(infos[0]!.type!.tensor_type!.shape!.dim![0]!.dim_param).toBe("N");
  });

  it("a deduced opset is written once something changed", () => {
    const decoded = decodeModel(readBytes(`${fixtures}/no-opset-untyped.onnx`));
    expect(readMessage(messages.model, encodeModel(decoded)).opset_import).toEqual([]);
    decoded.metadata.set("convopt.note", "changed");
    const written = readMessage(messages.model, encodeModel(decoded));
    expect(written.opset_import!.map(({ version }) => Number(version))).toEqual([6]);
    expect(written.metadata_props!.at(-1)).toMatchObject({ key: "convopt.note", value: "changed" });
  });
});
