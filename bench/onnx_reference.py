"""Runs models in onnx.reference when told to: the peer of bench/interpreter.ts.

One JSON request a line on stdin: {"model": file, "shape": [...], "runs": count}; the input is seeded normal noise. One JSON line
back: {"cpuMs": [CPU time of each run, all threads], "wallMs": [...]}. Start it with OMP_NUM_THREADS=1 and the like.
"""

import json
import sys
import time

import numpy as np
from onnx.reference import ReferenceEvaluator

known = {}
for line in sys.stdin:
    request = json.loads(line)
    if request["model"] not in known:
        known[request["model"]] = ReferenceEvaluator(request["model"])
    evaluator = known[request["model"]]
    values = np.random.default_rng(1).standard_normal(request["shape"]).astype(np.float32)
    cpu, wall = [], []
    for _ in range(request["runs"]):
        start = (time.process_time(), time.perf_counter())
        evaluator.run(None, {evaluator.input_names[0]: values})
        cpu.append(1000 * (time.process_time() - start[0]))
        wall.append(1000 * (time.perf_counter() - start[1]))
    print(json.dumps({"cpuMs": cpu, "wallMs": wall}), flush=True)
