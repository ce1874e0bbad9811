"""What onnx.shape_inference finds in model files, data propagation included, when they say nothing of it themselves.

stdin: {"paths": [file, ...], "folder": where the files go from which value infos and shapes of outputs are taken out}. stdout:
per file null when the inference fails, else {"file": stripped file, "values": {name: [element type, [dim, ...] or null]}} for
the tensors of the main graph that nodes make: numbers, symbols of the inputs, or null. Symbols that the inference makes up
itself are null.
"""

import json
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, shape_inference


def dims_of(tensor, known):
    if not tensor.HasField("shape"):
        return None
    found = []
    for dim in tensor.shape.dim:
        kind = dim.WhichOneof("value")
        symbol = dim.dim_param if kind == "dim_param" and dim.dim_param in known else None
        found.append(dim.dim_value if kind == "dim_value" else symbol)
    return found


def symbols_of(graph):
    infos = graph.input
    return {d.dim_param for i in infos if i.type.HasField("tensor_type") for d in i.type.tensor_type.shape.dim if d.dim_param}


def strip(model):
    del model.graph.value_info[:]
    for info in model.graph.output:
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.ClearField("shape")


def infer(path, target):
    try:
        model = onnx.load(path)
        strip(model)
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
        onnx.save(model, target)
    except Exception:
        return None
    known = symbols_of(graph)
    made = {name for node in graph.node for name in node.output}
    values = {}
    for info in [*graph.value_info, *graph.output]:
        if info.name in made and info.type.HasField("tensor_type") and info.type.tensor_type.elem_type:
            tensor = info.type.tensor_type
            values[info.name] = [TensorProto.DataType.Name(tensor.elem_type).lower(), dims_of(tensor, known)]
    return {"file": str(target), "values": values}


request = json.load(sys.stdin)
folder = Path(request["folder"])
print(json.dumps([infer(path, folder / f"{i}.onnx") for i, path in enumerate(request["paths"])]))
