"""Per-node MACs as onnx-tool counts them: python onnx_tool_macs.py MODEL INPUT=1x3x224x224 ... → JSON on stdout.

The names of nodes are replaced by their first output's, so that models without node names can be compared.
"""

import contextlib
import io
import json
import sys

import numpy
import onnx
import onnx_tool


def main():
    path, *shapes = sys.argv[1:]
    proto = onnx.load(path)
    biased = {}
    for node in proto.graph.node:
        node.name = node.output[0]
        biased[node.name] = len(node.input) > 2 and node.input[2] != ""
    model = onnx_tool.Model(proto)
    feeds = {}
    for shape in shapes:
        name, dims = shape.rsplit("=", 1)
        feeds[name] = numpy.zeros([int(dim) for dim in dims.split("x")], numpy.float32)
    with contextlib.redirect_stdout(io.StringIO()):
        model.graph.shape_infer(feeds)
        model.graph.profile()
    rows = []
    for name, node in model.graph.nodemap.items():
        if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            continue
        output = model.graph.tensormap[node.output[0]]
        rows.append({
            "output": node.output[0],
            "op": node.op_type,
            "macs": int(node.macs[0]),
            "bias": biased[name],
            "elements": int(numpy.prod(output.get_shape())),
        })
    json.dump(rows, sys.stdout)


main()
