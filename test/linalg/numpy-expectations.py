"""Writes numpy-expectations.json: small matrices with what numpy makes of them. Run: python numpy-expectations.py"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(20)


def flat(a):
    return {"rows": a.shape[0], "cols": a.shape[1], "data": [float(x) for x in a.reshape(-1)]}


def hilbert(n):
    i = np.arange(n)
    return 1.0 / (i[:, None] + i[None, :] + 1)


def case(name, a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return {
        "name": name,
        "matrix": flat(a),
        "singularValues": s.tolist(),
        "pseudoInverse": flat(np.linalg.pinv(a, rcond=1e-10)),
        "gramEigenvalues": np.linalg.eigvalsh(a.T @ a)[::-1].tolist(),
    }


cases = [
    case("tall", rng.standard_normal((7, 4))),
    case("wide", rng.standard_normal((3, 8))),
    case("square", rng.standard_normal((6, 6))),
    case("rank 2", rng.standard_normal((6, 2)) @ rng.standard_normal((2, 5))),
    case("hilbert", hilbert(6)),
    case("graded", rng.standard_normal((5, 5)) * 10.0 ** -np.arange(5)),
    case("row", rng.standard_normal((1, 5))),
    case("column", rng.standard_normal((5, 1))),
    case("zero", np.zeros((3, 2))),
    case("tall beyond the Jacobi start", rng.standard_normal((40, 30))),
]

a = rng.standard_normal((12, 5))
spd = a.T @ a + 0.1 * np.eye(5)
b = rng.standard_normal((5, 3))
y = rng.standard_normal((12, 2))
w = rng.uniform(0, 2, 12)
values, vectors = np.linalg.eigh(spd)
normal = a.T @ (w[:, None] * a)
ridge = 0.01 * np.trace(normal) / 5
expectations = {
    "numpy": np.__version__,
    "cases": cases,
    "spd": {
        "matrix": flat(spd),
        "b": flat(b),
        "cholesky": flat(np.linalg.cholesky(spd)),
        "solution": flat(np.linalg.solve(spd, b)),
        "ridgeSolution": flat(np.linalg.solve(spd + 0.5 * np.trace(spd) / 5 * np.eye(5), b)),
        "root": flat(vectors @ np.diag(np.sqrt(values)) @ vectors.T),
        "inverseRoot": flat(vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T),
    },
    "leastSquares": {
        "a": flat(a),
        "b": flat(y),
        "weights": w.tolist(),
        "solution": flat(np.linalg.lstsq(a, y, rcond=None)[0]),
        "weightedRidge": flat(np.linalg.solve(normal + ridge * np.eye(5), a.T @ (w[:, None] * y))),
    },
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(expectations) + "\n")
