"""Tables and rounding of the narrow floats by ml_dtypes.

stdin: {"numbers": [...]}; stdout: {dtype: {"table": values by code, "codes": code of every number}}, non-finite values as text.
"""

import json
import sys

import ml_dtypes
import numpy as np

TYPES = {
    "float16": (np.float16, 16),
    "bfloat16": (ml_dtypes.bfloat16, 16),
    "float8e4m3fn": (ml_dtypes.float8_e4m3fn, 8),
    "float8e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, 8),
    "float8e5m2": (ml_dtypes.float8_e5m2, 8),
    "float8e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, 8),
    "float6e2m3": (ml_dtypes.float6_e2m3fn, 6),
    "float6e3m2": (ml_dtypes.float6_e3m2fn, 6),
    "float4e2m1": (ml_dtypes.float4_e2m1fn, 4),
    "float8e8m0": (ml_dtypes.float8_e8m0fnu, 8),
}


def plain(value):
    return float(value) if np.isfinite(value) else str(float(value))


def main():
    numbers = np.float32(json.load(sys.stdin)["numbers"])
    answer = {}
    for name, (dtype, bits) in TYPES.items():
        container = np.uint16 if bits == 16 else np.uint8
        table = np.arange(1 << bits, dtype=np.uint32).astype(container).view(dtype).astype(np.float64)
        codes = numbers.astype(dtype).view(container)
        answer[name] = {"table": [plain(v) for v in table], "codes": codes.tolist()}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
