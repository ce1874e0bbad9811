"""Dumps every operator schema that the installed ONNX package knows, with its history, as src/ops/schemas.json.

Usage: python tools/op-schemas.py [OUTPUT]      (needs the package `onnx`)

One entry per domain, operator and version: attributes (type, required, default), and the inputs and outputs with
their counts and type strings. Operators that older ONNX releases had and later ones dropped are added by hand below.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnx.defs

TYPES = {
    "FLOAT": "float",
    "INT": "int",
    "STRING": "string",
    "TENSOR": "tensor",
    "GRAPH": "graph",
    "FLOATS": "floats",
    "INTS": "ints",
    "STRINGS": "strings",
    "TENSORS": "tensors",
    "GRAPHS": "graphs",
    "SPARSE_TENSOR": "opaque",
    "SPARSE_TENSORS": "opaque",
    "TYPE_PROTO": "opaque",
    "TYPE_PROTOS": "opaque",
}


def plain(value):
    """A default as JSON: bytes as text, repeated fields as lists."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        # The schema holds a float32: its shortest decimal, not the digits of the double.
        return float(str(numpy.float32(value)))
    if isinstance(value, (list, tuple)) or hasattr(value, "__iter__") and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def attribute(schema_attribute):
    kind = str(schema_attribute.type).rsplit(".", 1)[-1]
    entry = {"type": TYPES[kind]}
    if schema_attribute.required:
        entry["required"] = True
    default = schema_attribute.default_value
    if default is not None and default.name != "":
        entry["default"] = plain(onnx.helper.get_attribute_value(default))
    return entry


def parameter(formal):
    entry = {"name": formal.name, "type": formal.type_str}
    option = str(formal.option).rsplit(".", 1)[-1].lower()
    if option != "single":
        entry["option"] = option
    return entry


def version(schema):
    entry = {
        "since": schema.since_version,
        "inputs": [parameter(formal) for formal in schema.inputs],
        "outputs": [parameter(formal) for formal in schema.outputs],
        "attributes": {name: attribute(schema.attributes[name]) for name in sorted(schema.attributes)},
    }
    if schema.deprecated:
        entry["deprecated"] = True
    if schema.has_function or schema.has_context_dependent_function:
        entry["function"] = True
    return entry


def retired(inputs, outputs, attributes):
    """An experimental operator of ONNX before 1.5, which stood in the default domain at version 1."""
    return [
        {
            "since": 1,
            "inputs": [{"name": name, "type": "T"} for name in inputs],
            "outputs": [{"name": name, "type": "T"} for name in outputs],
            "attributes": attributes,
            "experimental": True,
        }
    ]


def floating(default):
    return {"type": "float", "default": default}


RETIRED = {
    "Affine": retired(["X"], ["Y"], {"alpha": floating(1.0), "beta": floating(0.0)}),
    "ConstantFill": retired(
        ["input"],
        ["output"],
        {
            "dtype": {"type": "int", "default": 1},
            "extra_shape": {"type": "ints"},
            "input_as_shape": {"type": "int"},
            "shape": {"type": "ints"},
            "value": floating(0.0),
        },
    ),
    "Crop": retired(["input"], ["output"], {"border": {"type": "ints", "required": True}, "scale": {"type": "ints"}}),
    "DynamicSlice": retired(["data", "starts", "ends", "axes"], ["output"], {}),
    "GivenTensorFill": retired(
        ["shape"],
        ["X"],
        {
            "extra_shape": {"type": "ints"},
            "input_as_shape": {"type": "int"},
            "shape": {"type": "ints"},
            "values": {"type": "floats"},
        },
    ),
    "GRUUnit": retired(["hidden_prev", "gates", "seq_lengths", "t"], ["hidden"], {"drop_states": {"type": "int"}}),
    "ImageScaler": retired(["input"], ["output"], {"bias": {"type": "floats"}, "scale": floating(1.0)}),
    "ParametricSoftplus": retired(["X"], ["Y"], {"alpha": {"type": "float"}, "beta": {"type": "float"}}),
    "Scale": retired(["input"], ["output"], {"scale": floating(1.0)}),
    "ScaledTanh": retired(["input"], ["output"], {"alpha": {"type": "float"}, "beta": {"type": "float"}}),
    "ATen": retired(["input"], ["output"], {"operator": {"type": "string"}, "overload_name": {"type": "string"}}),
}


def main():
    room = pathlib.Path(__file__).resolve().parent.parent / "src" / "ops"
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else room / "schemas.json"
    domains = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        domains.setdefault(schema.domain, {}).setdefault(schema.name, []).append(version(schema))
    for name, versions in RETIRED.items():
        domains[""].setdefault(name, versions)
    for operators in domains.values():
        for versions in operators.values():
            versions.sort(key=lambda entry: entry["since"])
    table = {
        "onnx": onnx.__version__,
        "opsets": {"": onnx.defs.onnx_opset_version()},
        "domains": {
            domain: {name: domains[domain][name] for name in sorted(domains[domain])} for domain in sorted(domains)
        },
    }
    lines = []
    for domain, operators in table["domains"].items():
        rows = []
        for name, versions in operators.items():
            entries = ",\n".join(f"        {json.dumps(entry)}" for entry in versions)
            rows.append(f"      {json.dumps(name)}: [\n{entries}\n      ]")
        body = ",\n".join(rows)
        lines.append(f"    {json.dumps(domain)}: {{\n{body}\n    }}")
    body = ",\n".join(lines)
    target.write_text(
        f'{{\n  "onnx": {json.dumps(table["onnx"])},\n'
        f'  "opsets": {json.dumps(table["opsets"])},\n  "domains": {{\n{body}\n  }}\n}}\n'
    )
    count = sum(len(versions) for operators in domains.values() for versions in operators.values())
    print(f"{target}: {count} schemas of {sum(map(len, domains.values()))} operators")


if __name__ == "__main__":
    main()
