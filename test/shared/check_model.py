"""onnx.checker (full check) and ONNX Runtime on model files.

stdin: {"paths": [...]}; stdout: [{"checker": message or null, "runtime": message or null}, ...].
"""

import json
import sys

import onnx
import onnxruntime as ort


def first_line(error):
    return str(error).strip().splitlines()[0]


def checked(path):
    try:
        onnx.checker.check_model(path, full_check=True)
        return None
    except Exception as error:  # noqa: BLE001  (the checker has no common error class)
        return first_line(error)


def loaded(path):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return None
    except Exception as error:  # noqa: BLE001
        return first_line(error)


if __name__ == "__main__":
    paths = json.load(sys.stdin)["paths"]
    print(json.dumps([{"checker": checked(path), "runtime": loaded(path)} for path in paths]))
