import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/ir/index.js";
import { cloneModel, verify, type Graph } from "../../src/ir/index.js";
import {
  decodeModel,
  decodeTensorFile,
  encodeModel,
  encodeTensorFile,
  loadModel,
} from "../../src/onnx/index.js";
import { upgradeOpset } from "../../src/upgrade/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const shared = process.env.CONVOPT_SHARED ?? join(root, "..", "shared");
const python = process.env.CONVOPT_PYTHON ?? "python3";
const models = readdirSync(join(shared, "models")).map((name) => join(shared, "models", name));
const cases = readdirSync(join(shared, "conformance")).map((name) => join(shared, "conformance", name));

function runPython(script: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(python, ["-c", script, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  expect(stderr.replaceAll(/^Warning.*\n/gm, "")).toBe("");
  expect(status).toBe(0);
  return stdout;
}

/** The graph without the messages that it came from, so that everything is encoded anew. */
function forget(graph: Graph): void {
  graph.source = null;
  for (const value of graph.values_.values()) value.source = null;
  for (const node of graph.nodes_) node.subgraphs.forEach(forget);
}

describe("real models", () => {
  it.each(models.map((path) => [basename(path), path]))(
    "%s loads, verifies and comes out byte by byte",
    async (_, path) => {
      const model = await loadModel(path);
      verify(model.graph);
      expect(Buffer.from(encodeModel(model)).equals(readFileSync(path))).toBe(true);
      expect(Buffer.from(encodeModel(cloneModel(model))).equals(readFileSync(path))).toBe(true);
    },
  );

  it("super-resolution loads without opset and types", async () => {
    const model = await loadModel(join(shared, "models", "super-resolution.onnx"));
    expect(model.opsets.get("")).toBe(4);
    expect(model.warnings.join()).toMatch(/imports no operator set/);
    const add = model.graph.nodes.find((node) => node.op === "Add")!;
    expect(add.attributes.get("axis")).toEqual({ kind: "int", value: 1 });
  });
});

describe("conformance cases", () => {
  it("come out byte by byte", () => {
    const differing = cases.filter((path) => {
      const original = readFileSync(join(path, "model.onnx"));
      const model = decodeModel(new Uint8Array(original));
      verify(model.graph);
      for (const { body } of model.functions) verify(body);
      return !Buffer.from(encodeModel(model)).equals(original);
    });
    expect(differing).toEqual([]);
  });

  it("have data files whose tensors are what python's onnx reads", () => {
    const files = cases.flatMap((path) =>
      readdirSync(path)
        .filter((name) => name.endsWith(".pb"))
        .map((name) => join(path, name)),
    );
    const script = `
import sys, hashlib, onnx
from onnx import numpy_helper
import numpy as np
for path in sys.stdin.read().split():
    t = onnx.TensorProto()
    try:
        t.ParseFromString(open(path, "rb").read())
        a = numpy_helper.to_array(t)
    except Exception:
        print("-"); continue
    if t.data_type == 0 or a.dtype.kind in "OSUc": print("-"); continue
    print(",".join(map(str, a.shape)), repr(float(np.nan_to_num(np.asarray(a, np.float64), posinf=0, neginf=0).sum())) if a.size else "0.0", a.size)
`;
    const { stdout } = spawnSync(python, ["-c", script], {
      input: files.join("\n"),
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    const lines = stdout.trim().split("\n");
    expect(lines.length).toBe(files.length);
    let compared = 0;
    lines.forEach((line, index) => {
      if (line === "-") return;
      const tensor = decodeTensorFile(new Uint8Array(readFileSync(files[index]!)));
      const [dims, sum, size] = line.split(" ");
      const context = files[index]!;
      expect(tensor.dims.join(","), context).toBe(dims);
      expect(tensor.size, context).toBe(Number(size));
      const total = tensor.dtype === "string" ? 0 : numberSum(tensor);
      expect(
        Math.abs(total - Number(sum)) <= 1e-6 * Math.max(1, Math.abs(Number(sum))),
        `${context}: ${total} ${sum}`,
      ).toBe(true);
      expect(Buffer.from(encodeTensorFile(tensor)).length, context).toBeGreaterThan(0);
      compared++;
    });
    expect(compared).toBeGreaterThan(1500);
  });

  function numberSum(tensor: Tensor): number {
    let sum = 0;
    for (const value of tensor.data as ArrayLike<number | bigint> & Iterable<number | bigint>) {
      const number = Number(value);
      if (Number.isFinite(number)) sum += number;
    }
    return sum;
  }
});

describe("python's onnx", () => {
  it("reads what is encoded anew as the same model", async () => {
    const folder = mkdtempSync(join(tmpdir(), "convopt-codec-"));
    try {
      const files: string[] = [];
      for (const path of [
        ...models,
        ...cases.filter((_, index) => index % 10 === 0).map((one) => join(one, "model.onnx")),
      ]) {
        if (path.includes("super-resolution")) continue;
        const model = cloneModel(await loadModel(path));
        forget(model.graph);
        const out = join(folder, `${files.length}.onnx`);
        writeFileSync(out, encodeModel(model));
        files.push(`${path} ${out}`);
      }
      writeFileSync(join(folder, "list"), files.join("\n"));
      const differing = runPython(
        `
import sys, onnx
for line in open(sys.argv[1]):
    a, b = (onnx.load(p) for p in line.split())
    assert b.SerializeToString(deterministic=True) == open(line.split()[1], "rb").read(), line
    # What the IR does not hold is gone with the messages: documentation and metadata of the graph.
    for m in (a, b):
        m.graph.doc_string = ""
        del m.graph.metadata_props[:]
        for v in [*m.graph.input, *m.graph.output, *m.graph.value_info]: v.doc_string = ""
    ka = sorted(v.name for v in a.graph.value_info)
    names = {o for n in b.graph.node for o in n.output} - {o.name for o in b.graph.output}
    keep = [v for v in a.graph.value_info if v.name in names and v.type.HasField("tensor_type")]
    same_io = [x.name for x in a.graph.input] == [x.name for x in b.graph.input]
    same = [n.SerializeToString() for n in a.graph.node] == [n.SerializeToString() for n in b.graph.node]
    weights = [t.SerializeToString() for t in a.graph.initializer] == [t.SerializeToString() for t in b.graph.initializer]
    infos = sorted(v.name for v in keep) == sorted(v.name for v in b.graph.value_info)
    subgraphs = any(x.type in (5, 10) for n in a.graph.node for x in n.attribute)
    if not (same_io and weights and infos and (same or subgraphs)): print(line.split()[0], same_io, same, weights, infos)
`,
        join(folder, "list"),
      );
      expect(differing).toBe("");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("and ONNX Runtime accept every upgraded model", async () => {
    const folder = mkdtempSync(join(tmpdir(), "convopt-upgrade-"));
    try {
      const old = [...models, ...cases.map((one) => join(one, "model.onnx"))];
      const list: string[] = [];
      for (const path of old) {
        const model = await loadModel(path);
        for (const target of [17, 28]) {
          if ((model.opsets.get("") ?? 99) >= target) continue;
          const upgraded = upgradeOpset(model, target);
          verify(upgraded.graph);
          const out = join(folder, `${list.length}.onnx`);
          writeFileSync(out, encodeModel(upgraded));
          list.push(`${path} ${out} ${target}`);
        }
      }
      expect(list.length).toBeGreaterThan(600);
      writeFileSync(join(folder, "list"), list.join("\n"));
      const wrong = runPython(UPGRADE_SCRIPT, join(folder, "list"));
      expect(wrong).toBe("");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Runs each upgraded case in ONNX Runtime where its original runs, and compares both. */
const UPGRADE_SCRIPT = `
import glob, os, re, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import numpy_helper
ort.set_default_logger_severity(4)
def fails(what):
    try: what(); return None
    except Exception as e: return str(e)[:200]
def feeds(folder, session):
    files = sorted(glob.glob(folder + "/input_*.pb"), key=lambda p: int(re.findall(r"_(\\\\d+)\\\\.pb", p)[0]))
    values = []
    for p in files:
        t = onnx.TensorProto(); t.ParseFromString(open(p, "rb").read()); values.append(numpy_helper.to_array(t))
    return dict(zip([i.name for i in session.get_inputs()], values))
for line in open(sys.argv[1]):
    source, out, target = line.split()
    why = fails(lambda: onnx.checker.check_model(out, full_check=True))
    if why and ("super-resolution" in source or not fails(lambda: onnx.checker.check_model(source, full_check=True))):
        print(source, target, "checker:", why)
    if target == "28": continue
    why = fails(lambda: ort.InferenceSession(out))
    known = "super-resolution" in source
    if why and (known or not fails(lambda: ort.InferenceSession(source))): print(source, target, "load:", why)
    if why or "/conformance/" not in source: continue
    try:
        a = ort.InferenceSession(source); given = feeds(os.path.dirname(source), a); want = a.run(None, given)
    except Exception: continue
    try: got = ort.InferenceSession(out).run(None, given)
    except Exception as e: print(source, target, "run:", str(e)[:200]); continue
    for w, g in zip(want, got):
        if isinstance(w, list): continue
        if w.shape != g.shape or w.dtype != g.dtype: print(source, target, w.shape, g.shape)
        elif w.dtype.kind == "f" and not np.allclose(w, g, rtol=1e-4, atol=1e-5, equal_nan=True): print(source, target, "differs")
        elif w.dtype.kind in "iub" and not np.array_equal(w, g): print(source, target, "differs")
`;
