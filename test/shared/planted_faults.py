"""Plants faults into ONNX files and makes re-exports that mean the same, and measures both in ONNX Runtime.

stdin: {"model": file, "folder": where the files go, "faults": count, "reexports": count, "inputs": count, "seed": integer,
"data": npz or null, "preprocess": json or null}. Every fault is one weight, one attribute or one edge; a candidate that ONNX
Runtime refuses, that changes a shape or that changes nothing is drawn again. The inputs are images of the data, else normal noise.
stdout: {"floor": {output: relative L2 of all graph optimizations against none}, "faults": [{"file", "kind", "node", "what",
"effect": {output: relative L2}}], "reexports": [{"file", "kind", "effect"}]}.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from accuracy import preprocessed
from onnx import helper, numpy_helper


def session(model, level=ort.GraphOptimizationLevel.ORT_ENABLE_ALL, save=None):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = level
    if save is not None:
        options.optimized_model_filepath = str(save)
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model, inputs, level=ort.GraphOptimizationLevel.ORT_ENABLE_ALL):
    one = session(model, level)
    names = [output.name for output in model.graph.output]
    fixed = one.get_inputs()[0].shape[0]
    step = fixed if isinstance(fixed, int) else 32
    parts = [one.run(names, {one.get_inputs()[0].name: inputs[i : i + step]}) for i in range(0, len(inputs), step)]
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(names)}


def distance(a, b):
    """Relative L2 per output; None (infinite) for another shape or values that are not finite."""
    found = {}
    for name, x in a.items():
        y = b[name]
        if x.shape != y.shape:
            return None
        x, y = x.astype(np.float64), y.astype(np.float64)
        norm = np.linalg.norm(x)
        error = np.linalg.norm(y - x) / norm if norm > 0 else float(np.any(y != x))
        found[name] = float(error) if np.isfinite(error) else None
    return found


# Faults

def corrupt_weight(model, random):
    """One element: a flipped bit, another sign, zero, another element of the same tensor, or a small change."""
    tensors = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) > 0]
    sizes = np.array([np.prod(t.dims) for t in tensors], float)
    # Half of the choices by size, half by tensor, so that biases are met as well.
    weight = sizes / sizes.sum() if random.random() < 0.5 else np.full(len(tensors), 1 / len(tensors))
    tensor = tensors[random.choice(len(tensors), p=weight)]
    values = numpy_helper.to_array(tensor).copy()
    flat = values.reshape(-1)
    at = int(random.integers(flat.size))
    old = flat[at]
    how = random.choice(["bit", "sign", "zero", "other", "scaled"])
    if how == "bit":
        flat[at : at + 1].view(np.uint32)[0] ^= np.uint32(1) << np.uint32(random.integers(32))
    elif how == "sign":
        flat[at] = -old
    elif how == "zero":
        flat[at] = 0
    elif how == "other":
        flat[at] = flat[int(random.integers(flat.size))]
    else:
        flat[at] = old * (1 + 10 ** random.uniform(-6, 1) * random.choice([-1, 1]))
    if flat[at] == old or not np.isfinite(flat[at]):
        return None
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    readers = [n for n in model.graph.node if tensor.name in n.input]
    return [n for n in readers], f"{tensor.name}[{at}] {how}: {old!r} -> {flat[at]!r}"


def corrupt_attribute(model, random):
    nodes = [n for n in model.graph.node if n.op_type not in ("Constant", "Relu")]
    node = nodes[int(random.integers(len(nodes)))]
    choices = [a for a in node.attribute if a.type in (1, 2, 6, 7)]
    extra = {"Gemm": ["alpha", "beta"], "Softmax": ["axis"], "LeakyRelu": ["alpha"], "Concat": [], "AveragePool": ["count_include_pad"]}
    missing = [name for name in extra.get(node.op_type, []) if all(a.name != name for a in node.attribute)]
    if random.random() < 0.3 and missing:
        name = random.choice(missing)
        value = float(1 + 10 ** random.uniform(-5, 0)) if name in ("alpha", "beta") else 1
        node.attribute.append(helper.make_attribute(name, value))
        return [node], f"{name} added as {value}"
    if not choices:
        return None
    attribute = choices[int(random.integers(len(choices)))]
    old = helper.get_attribute_value(attribute)
    if attribute.type == 1:
        new = float(old * (1 + 10 ** random.uniform(-5, 0)))
    elif attribute.type == 2:
        new = int(old + random.choice([-1, 1, 2]))
    elif attribute.type == 6:
        new = float(old[0])
    else:
        new = list(old)
        if not new:
            return None
        i, j = random.integers(len(new), size=2)
        if random.random() < 0.5:
            new[i] += 1
            if attribute.name == "pads":
                new[j] -= 1
        else:
            new[i], new[j] = new[j], new[i]
    if new == old or (isinstance(new, list) and new == list(old)):
        return None
    name = attribute.name
    node.attribute.remove(attribute)
    node.attribute.append(helper.make_attribute(name, new))
    return [node], f"{name}: {old} -> {new}"


def corrupt_edge(model, random):
    """One input slot reads another value: of an earlier node, or another initializer of the same shape."""
    graph = model.graph
    nodes = list(graph.node)
    index = int(random.integers(len(nodes)))
    node = nodes[index]
    slots = [i for i, name in enumerate(node.input) if name]
    if not slots:
        return None
    slot = slots[int(random.integers(len(slots)))]
    old = node.input[slot]
    initializers = {t.name: (t.data_type, tuple(t.dims)) for t in graph.initializer}
    if old in initializers:
        others = [name for name, kind in initializers.items() if kind == initializers[old] and name != old]
    else:
        others = [o for n in nodes[:index] for o in n.output if o and o != old] + [i.name for i in graph.input if i.name not in initializers]
    if not others:
        return None
    new = others[int(random.integers(len(others)))]
    node.input[slot] = new
    return [node], f"input {slot}: {old} -> {new}"


corruptions = {"weight": corrupt_weight, "attribute": corrupt_attribute, "edge": corrupt_edge}


# Re-exports

def renamed(model, random):
    graph = model.graph
    kept = {v.name for v in [*graph.input, *graph.output]}
    tag = int(random.integers(1 << 30))
    names = {}

    def new(name):
        if name == "" or name in kept:
            return name
        return names.setdefault(name, f"v{tag}_{len(names)}")

    for k, node in enumerate(graph.node):
        node.name = f"n{tag}_{k}"
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = new(tensor.name)
    for value in graph.value_info:
        value.name = new(value.name)
    return model


def reordered(model, random):
    """Another topological order, and the initializers shuffled."""
    graph = model.graph
    known = {i.name for i in graph.input} | {t.name for t in graph.initializer} | {""}
    rest, order = list(graph.node), []
    while rest:
        ready = [n for n in rest if all(name in known for name in n.input)]
        node = ready[int(random.integers(len(ready)))]
        rest.remove(node)
        order.append(node)
        known.update(node.output)
    shuffled = [graph.initializer[i] for i in random.permutation(len(graph.initializer))]
    copies = [type(n).FromString(n.SerializeToString()) for n in order]
    tensors = [type(t).FromString(t.SerializeToString()) for t in shuffled]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(copies)
    graph.initializer.extend(tensors)
    return model


def folded(model, random):
    """A scale per output channel was taken out of every convolution and folded in again, in float32."""
    graph = model.graph
    tensors = {t.name: t for t in graph.initializer}
    for node in graph.node:
        tensor = tensors.get(node.input[1]) if node.op_type == "Conv" else None
        if tensor is None:
            continue
        w = numpy_helper.to_array(tensor)
        scale = random.uniform(0.1, 10, size=(w.shape[0],) + (1,) * (w.ndim - 1)).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array((w / scale) * scale, tensor.name))
    return model


def constants(model, random):
    """Half of the initializers become Constant nodes, Constant nodes become initializers."""
    graph = model.graph
    inputs = {i.name for i in graph.input}
    moved = [t for t in graph.initializer if t.name not in inputs and random.random() < 0.5]
    nodes = [n for n in graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]
    made = [helper.make_node("Constant", [], [t.name], value=t) for t in moved]
    folded_in = []
    for n in nodes:
        tensor = onnx.TensorProto.FromString(n.attribute[0].t.SerializeToString())
        tensor.name = n.output[0]
        folded_in.append(tensor)
    rest = [onnx.NodeProto.FromString(n.SerializeToString()) for n in graph.node if n not in nodes]
    kept = [onnx.TensorProto.FromString(t.SerializeToString()) for t in graph.initializer if t not in moved]
    made = [onnx.NodeProto.FromString(n.SerializeToString()) for n in made]
    del graph.node[:], graph.initializer[:]
    graph.node.extend([*made, *rest])
    graph.initializer.extend([*kept, *folded_in])
    return model


def runtime(model, random):
    """What ONNX Runtime writes after its own constant folding."""
    path = Path(request["folder"]) / "runtime.tmp.onnx"
    session(model, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, path)
    return onnx.load(path)


exports = [renamed, reordered, folded, constants, runtime]


def main():
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    model = onnx.load(request["model"])
    random = np.random.default_rng(request["seed"])
    initializers = {t.name for t in model.graph.initializer}
    source = next(i for i in model.graph.input if i.name not in initializers)
    if request.get("data"):
        archive = np.load(request["data"])
        images = archive[source.name if source.name in archive else archive.files[0]]
        recipe = json.loads(Path(request["preprocess"]).read_text()) if request.get("preprocess") else None
        inputs = preprocessed(images[-request["inputs"] :], recipe)
    else:
        shape = [d.dim_value or 32 for d in source.type.tensor_type.shape.dim][1:]
        inputs = random.standard_normal((request["inputs"], *shape)).astype(np.float32)
    expected = run(model, inputs)
    floor = distance(expected, run(model, inputs, ort.GraphOptimizationLevel.ORT_DISABLE_ALL))

    def copy():
        return onnx.ModelProto.FromString(model.SerializeToString())

    faults = []
    kinds = list(corruptions)
    while len(faults) < request["faults"]:
        kind = kinds[len(faults) % len(kinds)]
        for _ in range(200):
            broken = copy()
            try:
                done = corruptions[kind](broken, random)
                if done is None or not done[0]:
                    continue
                effect = distance(expected, run(broken, inputs))
            except Exception:
                continue
            if effect is not None and any(e != 0 for e in effect.values()):
                break
        else:
            kinds.remove(kind)
            continue
        nodes, what = done
        file = folder / f"fault-{len(faults):03}-{kind}.onnx"
        onnx.save(broken, file)
        faults.append({"file": str(file), "kind": kind, "node": [n.name or n.output[0] for n in nodes], "what": what, "effect": effect})
    reexports = []
    for k in range(request["reexports"]):
        make = exports[k % len(exports)]
        same = make(copy(), random)
        file = folder / f"same-{k:03}-{make.__name__}.onnx"
        onnx.save(same, file)
        reexports.append({"file": str(file), "kind": make.__name__, "effect": distance(expected, run(same, inputs))})
    print(json.dumps({"floor": floor, "faults": faults, "reexports": reexports}))


if __name__ == "__main__":
    request = json.loads(sys.stdin.read())
    main()
