"""Quality of a model in ONNX Runtime on an .npz of images.

stdin: {"model": file, "data": npz, "preprocess": json or null, "reference": file or null, "limit": count or null}. The npz is
keyed by the model's input name (or holds one array besides `label` and `clean`). With `label`: {"top1"} in per cent; with
`clean`: {"psnr"} in dB, the mean over images of clip(input - output, 0, 1) against it; with a reference: {"agreement"}.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def preprocessed(images, recipe):
    """(x * scale - mean) / std per channel, as float32 NCHW."""
    if recipe is None:
        if images.dtype == np.uint8:
            raise SystemExit("uint8 images need a preprocess file")
        return images.astype(np.float32, copy=False)
    x = images.astype(np.float32)
    if recipe.get("layout", "nchw") == "nhwc":
        x = x.transpose(0, 3, 1, 2)
    if recipe.get("channels", "rgb") == "bgr":
        x = x[:, ::-1]
    channels = x.shape[1]
    shape = (1, channels, 1, 1)
    mean = np.broadcast_to(np.float32(recipe.get("mean", 0)), (channels,)).reshape(shape)
    std = np.broadcast_to(np.float32(recipe.get("std", 1)), (channels,)).reshape(shape)
    return (x * np.float32(recipe.get("scale", 1)) - mean) / std


def outputs(model, x, batch=100):
    name = model.get_inputs()[0].name
    return np.concatenate([model.run(None, {name: x[i : i + batch]})[0] for i in range(0, len(x), batch)])


def main():
    request = json.load(sys.stdin)
    model = session(request["model"])
    with np.load(request["data"]) as stored:
        arrays = {key: stored[key] for key in stored.files}
    name = model.get_inputs()[0].name
    if name not in arrays:
        others = [key for key in arrays if key not in ("label", "clean")]
        if len(others) != 1:
            raise SystemExit(f"{request['data']} has no array for {name}")
        name = others[0]
    limit = request.get("limit") or len(arrays[name])
    recipe = json.loads(Path(request["preprocess"]).read_text()) if request.get("preprocess") else None
    x = preprocessed(arrays[name][:limit], recipe)
    y = outputs(model, x)
    result = {"images": len(x)}
    if "label" in arrays:
        result["top1"] = 100 * float((y.reshape(len(y), -1).argmax(1) == arrays["label"][:limit]).mean())
    if "clean" in arrays:
        error = (np.clip(x - y, 0, 1) - arrays["clean"][:limit]).astype(np.float64) ** 2
        result["psnr"] = float((-10 * np.log10(error.reshape(len(x), -1).mean(1))).mean())
    if request.get("reference"):
        other = outputs(session(request["reference"]), x)
        same = y.reshape(len(y), -1).argmax(1) == other.reshape(len(y), -1).argmax(1)
        result["agreement"] = 100 * float(same.mean())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
