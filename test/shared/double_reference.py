"""Runs a float32 model in float64 throughout with onnx.reference (NumPy).

stdin: {"model": file, "input": float64 .npy, "output": .npy to write}. Every float tensor and type of the main graph
becomes double; Casts to float become Casts to double.
"""

import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator


def widen(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), name))


request = json.load(sys.stdin)
model = onnx.load(request["model"])
graph = model.graph
del graph.value_info[:]
for tensor in graph.initializer:
    widen(tensor)
for node in graph.node:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            widen(attribute.t)
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.DOUBLE
for info in [*graph.input, *graph.output]:
    if info.type.tensor_type.elem_type == TensorProto.FLOAT:
        info.type.tensor_type.elem_type = TensorProto.DOUBLE
(result,) = ReferenceEvaluator(model).run(None, {graph.input[0].name: np.load(request["input"])})
np.save(request["output"], result)
print(json.dumps({"dtype": str(result.dtype)}))
