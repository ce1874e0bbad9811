"""Writes descriptor.json, what the onnx package says its schema is: python test/onnx/dump-descriptor.py"""

import json
import pathlib

import onnx
from onnx import onnx_data_pb2, onnx_ml_pb2

LABELS = {1: "optional", 2: "required", 3: "repeated"}


def type_name(field):
    name = field.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[field.type].name
    kind = name.removeprefix("TYPE_").lower()
    return field.type_name.lstrip(".") if kind in ("message", "enum") else kind


def visit(message, prefix, messages, enums):
    name = f"{prefix}.{message.name}"
    packed = lambda field: field.options.packed if field.HasField("options") else False
    messages[name] = {
        field.name: [field.number, type_name(field), LABELS[field.label], bool(packed(field))]
        for field in message.field
    }
    for enum in message.enum_type:
        enums[f"{name}.{enum.name}"] = {value.name: value.number for value in enum.value}
    for inner in message.nested_type:
        visit(inner, name, messages, enums)


messages, enums = {}, {}
for module in (onnx_ml_pb2, onnx_data_pb2):
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    for enum in file.enum_type:
        enums[f"{file.package}.{enum.name}"] = {value.name: value.number for value in enum.value}
    for message in file.message_type:
        visit(message, file.package, messages, enums)

out = pathlib.Path(__file__).parent / "descriptor.json"
expected = {"onnx": onnx.__version__, "messages": messages, "enums": enums}
out.write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
