import { describe, expect, it } from "vitest";
import {
  definePass,
  globPattern,
  Ledger,
  matchesGlob,
  runRewrites,
  type Rewrite,
} from "../../src/engine/index.js";
import { cloneModel, InvariantError, Tensor, type Model } from "../../src/ir/index.js";
import { preset } from "../../passes/index.js";
import { f64, model, opsOf, weights } from "../passes/rewrite-harness.js";

const relus = (count: number): Model =>
  model((b) => {
    let x = b.input("x", f64("N", 3));
    for (let i = 0; i < count; i++) x = b.op("Relu", [x], {}, { name: `relu${i}` });
    b.output(x);
  });

/** Takes out every Relu behind another Relu. */
const dropDouble = definePass({
  kind: "rewrite",
  name: "drop-double-relu",
  summary: "Relu of Relu",
  anchors: ["Relu"],
  propose(node, cx) {
    const x = node.input(0)!;
    if (!x.producer?.is("Relu")) return cx.decline("nothing in front of it");
    const patch = cx.patch(node);
    patch.replace(node.output, x);
    return patch;
  },
});

function rewriteTo(name: string, propose: Rewrite["propose"], anchors = ["Relu"]): Rewrite {
  return definePass({ kind: "rewrite", name, summary: "", anchors, propose });
}

describe("the runner", () => {
  it("goes on to a fixpoint and records each patch and the last decline of each node", () => {
    const m = relus(5);
    const ledger = new Ledger();
    const result = runRewrites(m, [dropDouble], { ledger });
    expect(result).toMatchObject({ applied: 4, settled: true });
    expect(result.passes[0]).toMatchObject({ name: "drop-double-relu", applied: 4, declined: 1 });
    expect(opsOf(m)).toEqual(["Relu"]);
    expect(ledger.entries.filter((entry) => entry.verdict === "declined")).toHaveLength(1);
    expect(ledger.entries[0]).toMatchObject({
      pass: "drop-double-relu",
      op: "Relu",
      by: "rule",
      macs: [0, 0],
      params: [0, 0],
      error: null,
    });
  });

  it("stops after N patches, and tells after each one", () => {
    const m = relus(5);
    const seen: number[] = [];
    const result = runRewrites(m, [dropDouble], {
      ledger: new Ledger(),
      stopAfter: 2,
      onPatch: ({ index }) => seen.push(index),
    });
    expect(result).toMatchObject({ applied: 2, settled: false });
    expect(seen).toEqual([1, 2]);
    expect(m.graph.nodeCount).toBe(3);
    expect(runRewrites(relus(5), [dropDouble], { ledger: new Ledger(), stopAfter: 0 }).applied).toBe(0);
  });

  it("leaves out what the user says, and gives the user as the reason", () => {
    const ledger = new Ledger();
    runRewrites(relus(3), [dropDouble], { ledger, skip: ["relu1"], revert: ["relu2"] });
    expect(ledger.of("relu1")[0]).toMatchObject({ by: "user", reason: expect.stringContaining("--skip") });
    expect(ledger.of("relu2")[0]).toMatchObject({ by: "user", reason: expect.stringContaining("--revert") });
    const m = relus(4);
    expect(runRewrites(m, [dropDouble], { ledger: new Ledger(), only: ["relu2"] }).applied).toBe(1);
  });

  it("aborts on a signal", () => {
    const controller = new AbortController();
    controller.abort();
    expect(() =>
      runRewrites(relus(2), [dropDouble], { ledger: new Ledger(), signal: controller.signal }),
    ).toThrow();
  });

  it("catches a pass that changes the type of a value, and leaves the graph as it was", () => {
    const bad = rewriteTo("bad-type", (node, cx) => {
      const patch = cx.patch(node);
      patch.replace(node.output, patch.op("Cast", [node.input(0)], { to: 1 }));
      return patch;
    });
    const m = relus(1);
    expect(() => runRewrites(m, [bad], { ledger: new Ledger() })).toThrow(
      /bad-type.*float32 in place of float64/,
    );
    expect(opsOf(m)).toEqual(["Relu"]);
    const shape = rewriteTo("bad-shape", (node, cx) => {
      const patch = cx.patch(node);
      patch.replace(node.output, patch.op("Concat", [node.input(0), node.input(0)], { axis: 1 }));
      return patch;
    });
    expect(() => runRewrites(relus(1), [shape], { ledger: new Ledger() })).toThrow(InvariantError);
  });

  it("catches a pass that throws or proposes nothing, by name", () => {
    const thrower = rewriteTo("thrower", () => {
      throw new TypeError("oops");
    });
    expect(() => runRewrites(relus(1), [thrower], { ledger: new Ledger() })).toThrow(/thrower.*oops/);
    const empty = rewriteTo("empty", (node, cx) => cx.patch(node));
    expect(() => runRewrites(relus(1), [empty], { ledger: new Ledger() })).toThrow(/empty patch/);
  });

  it("refuses a patch that would raise MACs", () => {
    const m = model((b) => b.output(b.op("Relu", [b.input("x", f64("N", 3))], {}, { name: "relu" })));
    const dearer = rewriteTo("dearer", (node, cx) => {
      const patch = cx.patch(node);
      patch.replace(
        node.output,
        patch.op("MatMul", [node.input(0), patch.constant("w", Tensor.zeros("float64", [3, 3]))]),
      );
      return patch;
    });
    const ledger = new Ledger();
    runRewrites(m, [dearer], { ledger });
    expect(ledger.entries[0]).toMatchObject({
      verdict: "declined",
      by: "cost",
      reason: "would raise MACs from 0 to 9",
      macs: [0, 9],
    });
  });

  it("does not let a pass go round in circles", () => {
    const flip = rewriteTo("flip", (node, cx) => {
      const patch = cx.patch(node);
      patch.replace(node.output, patch.op("Relu", [node.input(0)], {}, { heirOf: node }));
      return patch;
    });
    const ledger = new Ledger();
    expect(runRewrites(relus(1), [flip], { ledger }).applied).toBe(1);
    expect(ledger.entries.at(-1)!.reason).toContain("only repeat");
    const [there, back] = ["Relu", "Neg"].map((op, i) =>
      rewriteTo(
        `to-${op}`,
        (node, cx) => {
          const patch = cx.patch(node);
          patch.replace(node.output, patch.op(op, [node.input(0)]));
          return patch;
        },
        [["Neg"], ["Relu"]][i]!,
      ),
    ) as [Rewrite, Rewrite];
    expect(runRewrites(relus(1), [there, back], { ledger: new Ledger() }).applied).toBeLessThan(4);
  });

  it("counts MACs under bound shapes, reports none for made-up ones", () => {
    const make = (): Model =>
      model((b) => {
        const x = b.input("x", f64("N", 3, "H", "W"));
        const y = b.op("Conv", [x, b.initializer("w", weights(1, [4, 3, 1, 1]))], {}, { name: "conv" });
        b.output(b.op("Mul", [y, b.initializer("c", weights(2, [4, 1, 1]))], {}, { name: "mul" }));
      });
    const open = new Ledger();
    runRewrites(make(), preset.exact, { ledger: open });
    expect(open.entries[0]!.macs).toEqual([null, null]);
    const bound = new Ledger();
    runRewrites(make(), preset.exact, { ledger: bound, shapes: new Map([["x", [1, 3, 5, 6]]]) });
    expect(bound.entries[0]!.macs).toEqual([360, 360]);
  });

  it("leaves subgraphs and a model without work untouched", () => {
    const m = relus(1);
    const copy = cloneModel(m);
    expect(runRewrites(m, preset.exact, { ledger: new Ledger() }).applied).toBe(0);
    expect(opsOf(m)).toEqual(opsOf(copy));
  });
});

describe("globs", () => {
  it.each<[string, string, boolean]>([
    ["conv1", "conv1", true],
    ["conv*", "conv10", true],
    ["conv?", "conv10", false],
    ["*", "/layer1/conv", true],
    ["/layer1/*", "/layer1/conv", true],
    ["/*/conv", "/a/b/conv", false],
    ["/**/conv", "/a/b/conv", true],
    ["a.b", "axb", false],
    ["a[0](b)+", "a[0](b)+", true],
    ["conv", "conv1", false],
    ["line*", "line\nbreak", true],
  ])("%s against %s is %s", (glob, label, expected) => {
    expect(matchesGlob(label, [glob])).toBe(expected);
    expect(globPattern(glob).test(label)).toBe(expected);
  });
});
