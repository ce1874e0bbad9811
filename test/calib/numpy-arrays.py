"""Writes numpy-arrays.json: files that numpy makes, in base64, with their values. Run: python numpy-arrays.py"""

import base64
import io
import json
import pathlib
import zipfile

import numpy as np
from numpy.lib import format as npy


def encoded(data):
    return base64.b64encode(data).decode()


def saved(array, version=None):
    buffer = io.BytesIO()
    npy.write_array(buffer, array, version=version, allow_pickle=True)
    return buffer.getvalue()


def case(name, array, version=None):
    values = array.astype("c16").reshape(-1).view("f8") if array.dtype.kind == "c" else array.reshape(-1)
    return {
        "name": name,
        "npy": encoded(saved(array, version)),
        "dims": list(array.shape),
        "values": [str(int(x)) if array.dtype.kind in "iub" else float(x) for x in values],
    }


grid = np.arange(24).reshape(2, 3, 4)
cases = [case(d, (grid - 5 if d[1] in "if" else grid).astype(d)) for d in "|i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 <f2 <f4 <f8 >i2 >i4 >i8 >u2 >u8 >f2 >f4 >f8".split()]
cases += [
    case("|b1", np.array([True, False, True])),
    case("<c8", np.array([1 + 2j, 3 - 4j], "<c8")),
    case(">c16", np.array([1 + 2j, 3 - 4j], ">c16")),
    case("fortran order", np.asfortranarray(grid.astype("<f4"))),
    case("fortran order, big-endian complex", np.asfortranarray(grid.astype(">c8"))),
    case("format 2.0", grid.astype("<f4"), (2, 0)),
    case("format 3.0", grid.astype("<f4"), (3, 0)),
    case("scalar", np.array(7.5)),
    case("no elements", np.zeros((0, 3), "<f4")),
    case("int64 extremes", np.array([-(2**63), 2**63 - 1], "<i8")),
]

refused = {
    "objects": encoded(saved(np.array([{}, None], object))),
    "strings": encoded(saved(np.array(["a", "b"]))),
    "structured": encoded(saved(np.array([(1, 2.0)], [("a", "<i4"), ("b", "<f4")]))),
    "dates": encoded(saved(np.array(["2020-01-01"], "M8[D]"))),
    "void": encoded(saved(np.array([b"ab"], "V2"))),
}

archives = {}
for name, save in (("savez", np.savez), ("savez_compressed", np.savez_compressed)):
    buffer = io.BytesIO()
    save(buffer, input=grid.astype("<f4"), label=np.array([3, 1], "<i8"))
    archives[name] = encoded(buffer.getvalue())
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    # What a stream without seeking gets: sizes in a data descriptor behind the entry.
    with archive.open(zipfile.ZipInfo("input.npy"), "w", force_zip64=True) as entry:
        entry.write(saved(grid.astype("<f4")))
    archive.writestr("label.npy", saved(np.array([3, 1], "<i8")))
    archive.comment = b"a comment PK\x05\x06 that looks like an end"
archives["zip64 with a comment"] = encoded(buffer.getvalue())

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"numpy": np.__version__, "cases": cases, "refused": refused, "archives": archives}) + "\n")
