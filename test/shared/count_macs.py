"""Multiply–accumulates and parameters of a model file, from the shapes that onnx.shape_inference finds.

stdin: {"path": file, "shapes": {input: dims}}; stdout: {"macs", "params", "nodes": [{"name", "op", "macs"}]}. A symbolic
first dim counts as 1. Recorded shapes are dropped first, so a wrong value info cannot hide. Conv, ConvTranspose, Gemm and
MatMul count, without bias, for one sample; nodes of subgraphs count once. Parameters are the elements of float initializers
and Constants. Where shape inference gives up, ONNX Runtime runs the model on zeros and tells the shapes.
"""

import json
import math
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}


def dims_of(info):
    if not info.type.HasField("tensor_type") or not info.type.tensor_type.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else None for d in info.type.tensor_type.shape.dim]


def fix_inputs(model, shapes):
    initializers = {t.name for t in model.graph.initializer}
    for info in model.graph.input:
        if info.name in initializers:
            continue
        dims = info.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            if info.name in shapes:
                dim.dim_value = shapes[info.name][axis]
            elif axis == 0 and not (dim.HasField("dim_value") and dim.dim_value > 0):
                dim.dim_value = 1


def forget_shapes(graph):
    del graph.value_info[:]
    for info in graph.output:
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.ClearField("shape")
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
                forget_shapes(inner)


def node_macs(node, shape, batch):
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    x, w, y = shape(node.input[0]), shape(node.input[1]), shape(node.output[0])
    if node.op_type == "Conv":
        return math.prod(y[1:]) * math.prod(w[1:]) * y[0] // batch
    if node.op_type == "ConvTranspose":
        return math.prod(x[1:]) * math.prod(w[1:]) * x[0] // batch
    if node.op_type == "Gemm":
        return math.prod(y) * x[0 if attributes.get("transA") else 1] // batch
    inner = x[-1]
    return math.prod(y) * inner // batch


def observed_shapes(model):
    """Shapes of all values of the main graph in a run on zeros."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    known = {info.name for info in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name and name not in known]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    initializers = {t.name for t in model.graph.initializer}
    feeds = {
        info.name: np.zeros(dims_of(info), helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type))
        for info in model.graph.input
        if info.name not in initializers
    }
    outputs = [output.name for output in session.get_outputs()]
    return {name: list(value.shape) for name, value in zip(outputs, session.run(outputs, feeds)) if hasattr(value, "shape")}


def lacks_shapes(graph):
    shapes = {info.name: dims_of(info) for info in [*graph.input, *graph.value_info, *graph.output]}
    shapes |= {t.name: list(t.dims) for t in graph.initializer}
    counted = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")]
    names = [name for node in counted for name in [*node.input[:2], node.output[0]]]
    return any(shapes.get(name) is None or None in shapes[name] for name in names)


def count(graph, outer, batch, nodes):
    shapes = dict(outer)
    for info in [*graph.input, *graph.value_info, *graph.output]:
        dims = dims_of(info)
        if dims is not None and (None not in dims or shapes.get(info.name) is None):
            shapes[info.name] = dims
    shapes |= {t.name: list(t.dims) for t in graph.initializer}
    params = sum(math.prod(t.dims) for t in graph.initializer if t.data_type in FLOATS)

    def shape(name):
        dims = shapes.get(name)
        if dims is None or None in dims:
            raise SystemExit(f"no shape for {name}")
        return dims

    for node in graph.node:
        if node.op_type == "Constant":
            for a in node.attribute:
                if a.name == "value":
                    shapes[node.output[0]] = list(a.t.dims)
                    params += math.prod(a.t.dims) if a.t.data_type in FLOATS else 0
        if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul") and node.domain in ("", "ai.onnx"):
            nodes.append({"name": node.name or node.output[0], "op": node.op_type, "macs": node_macs(node, shape, batch)})
        for attribute in node.attribute:
            for inner in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
                params += count(inner, shapes, batch, nodes)
    return params


def main():
    request = json.load(sys.stdin)
    model = onnx.load(request["path"])
    fix_inputs(model, request.get("shapes", {}))
    forget_shapes(model.graph)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    initializers = {t.name for t in model.graph.initializer}
    first = next((dims_of(i) for i in model.graph.input if i.name not in initializers), None)
    batch = first[0] if first else 1
    nodes = []
    params = count(model.graph, observed_shapes(model) if lacks_shapes(model.graph) else {}, batch or 1, nodes)
    print(json.dumps({"macs": sum(n["macs"] for n in nodes), "params": params, "nodes": nodes}))


if __name__ == "__main__":
    main()
