import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import onnxProto from "onnx-proto";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { dtypeOfCode, dtypes } from "../../src/ir/index.js";
import { layouts, type MessageKind } from "../../src/onnx/layout.js";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "..", "..", "src", "onnx");

type Field = [number: number, type: string, label: string, packed: boolean];
type Schema = {
  messages: Record<string, Record<string, Field>>;
  enums: Record<string, Record<string, number>>;
};

const expected = JSON.parse(readFileSync(join(here, "descriptor.json"), "utf8")) as Schema;

/** The descriptor of a reflected namespace in the form of descriptor.json. */
function describeSchema(root: protobuf.Namespace): Schema {
  const schema: Schema = { messages: {}, enums: {} };
  const visit = (object: protobuf.ReflectionObject): void => {
    const name = object.fullName.replace(/^\./, "");
    if (object instanceof protobuf.Enum) schema.enums[name] = { ...object.values };
    if (object instanceof protobuf.Type) {
      schema.messages[name] = Object.fromEntries(
        object.fieldsArray.map((field): [string, Field] => {
          field.resolve();
          const type = field.resolvedType ? field.resolvedType.fullName.replace(/^\./, "") : field.type;
          const label = field.repeated ? "repeated" : field.required ? "required" : "optional";
          return [field.name, [field.id, type, label, field.repeated && field.packed]];
        }),
      );
    }
    if (object instanceof protobuf.Namespace) object.nestedArray.forEach(visit);
  };
  visit(root);
  return schema;
}

const root = protobuf.parse(readFileSync(join(source, "onnx.proto"), "utf8"), { keepCase: true }).root;
root.resolveAll();
const ours = describeSchema(root);

describe("onnx.proto", () => {
  it.each(Object.keys(expected.messages))("%s is as the specification says", (name) => {
    expect(ours.messages[name]).toEqual(expected.messages[name]);
  });

  it("has the same enums and nothing else", () => {
    expect(ours.enums).toEqual(expected.enums);
    expect(Object.keys(ours.messages).sort()).toEqual(Object.keys(expected.messages).sort());
  });

  it("agrees with the older schema of the package onnx-proto", () => {
    // A static module without reflection: its fields show as properties, its numbers on the wire.
    const samples = { ir_version: 7, producer_name: "p", domain: "d", model_version: 3, doc_string: "s" };
    const message = onnxProto.onnx.ModelProto.fromObject({
      irVersion: 7, producerName: "p", domain: "d", modelVersion: 3, docString: "s",
    }); // prettier-ignore
    const bytes = onnxProto.onnx.ModelProto.encode(message).finish();
    const decoded = root.lookupType("onnx.ModelProto").decode(bytes);
    expect(root.lookupType("onnx.ModelProto").toObject(decoded, { longs: Number })).toEqual(samples);
    for (const [name, code] of Object.entries(onnxProto.onnx.TensorProto.DataType)) {
      if (typeof code === "number") expect(ours.enums["onnx.TensorProto.DataType"]![name]).toBe(code);
    }
    for (const [name, code] of Object.entries(onnxProto.onnx.AttributeProto.AttributeType)) {
      if (typeof code === "number") expect(ours.enums["onnx.AttributeProto.AttributeType"]![name]).toBe(code);
    }
  });

  it("knows every element type in the IR", () => {
    const codes = Object.values(expected.enums["onnx.TensorProto.DataType"]!).filter((code) => code !== 0);
    expect(codes.every((code) => dtypeOfCode(code) !== undefined)).toBe(true);
    expect(
      Object.values(dtypes)
        .map(({ code }) => code)
        .sort((a, b) => a - b),
    ).toEqual(codes.sort((a, b) => a - b));
  });
});

describe("generated code", () => {
  it("is what the generator makes of the schema", () => {
    const scratch = mkdtempSync(join(tmpdir(), "convopt-generated-"));
    try {
      const generator = join(here, "..", "..", "tools", "generate-proto.mjs");
      expect(spawnSync(process.execPath, [generator, scratch]).status).toBe(0);
      for (const file of ["onnx.js", "onnx.d.ts"]) {
        expect(readFileSync(join(scratch, file), "utf8")).toBe(
          readFileSync(join(source, "generated", file), "utf8"),
        );
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  it("reads text strictly", () => {
    expect(readFileSync(join(source, "generated", "onnx.js"), "utf8")).not.toMatch(/\.string\(\)/);
  });
});

describe("the scan's layouts", () => {
  const kinds: Record<string, MessageKind> = {
    ModelProto: "model", GraphProto: "graph", NodeProto: "node", AttributeProto: "attribute", TensorProto: "tensor",
    SparseTensorProto: "sparse", ValueInfoProto: "valueInfo", TypeProto: "type", "TypeProto.Tensor": "tensorType",
    "TypeProto.SparseTensor": "tensorType", "TypeProto.Sequence": "elementType", "TypeProto.Optional": "elementType",
    "TypeProto.Map": "mapType", "TypeProto.Opaque": "opaqueType", TensorShapeProto: "shape",
    "TensorShapeProto.Dimension": "dimension", FunctionProto: "function", TrainingInfoProto: "training",
    TensorAnnotation: "annotation", StringStringEntryProto: "entry", OperatorSetIdProto: "opset",
    DeviceConfigurationProto: "device", NodeDeviceConfigurationProto: "nodeDevice", ShardingSpecProto: "sharding",
    ShardedDimProto: "shardedDim", SimpleShardedDimProto: "simpleSharding", IntIntListEntryProto: "intList",
    "TensorProto.Segment": "segment", SequenceProto: "sequence", MapProto: "map", OptionalProto: "optional",
  }; // prettier-ignore

  const numbers: Record<string, string> = {
    float: "float", floats: "floats", doubles: "doubles", int32s: "int32s", int64s: "int64s", uint64s: "int64s",
  }; // prettier-ignore

  it.each(Object.keys(expected.messages))("%s is walked as the schema says", (name) => {
    const kind = kinds[name.replace("onnx.", "")]!;
    const fields = Object.values(expected.messages[name]!);
    expect([...layouts[kind].fields.keys()].sort((a, b) => a - b)).toEqual(
      fields.map(([number]) => number).sort((a, b) => a - b),
    );
    for (const [number, type, label] of fields) {
      const field = layouts[kind].fields.get(number);
      const isMessage = type.startsWith("onnx.") && type in expected.messages;
      if (isMessage) expect(field).toBe(kinds[type.replace("onnx.", "")]);
      else if (type === "string") expect(field).toBe("text");
      else if (type === "bytes") expect(field).toBe("bytes");
      else expect(field).toBe(numbers[label === "repeated" ? `${type}s` : type] ?? "varint");
    }
  });
});
