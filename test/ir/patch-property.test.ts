import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ConvoptError,
  GraphBuilder,
  Patch,
  Tensor,
  allNodes,
  attr,
  attributes,
  cloneGraph,
  hashGraph,
  print,
  sortTopologically,
  verify,
  type Graph,
  type Value,
} from "../../src/ir/index.js";
import { snapshot } from "./snapshot.js";

type Pick = (below: number) => number;

/** Numbers from a fixed list, used up in order; the list is what fast-check shrinks. */
function picker(numbers: readonly number[]): Pick {
  let at = 0;
  return (below) => (below < 1 ? 0 : (numbers[at++ % Math.max(1, numbers.length)] ?? 0) % below);
}

function readable(graph: Graph): Value[] {
  return [...graph.values_.values(), ...(graph.parent ? readable(graph.parent) : [])];
}

/** A graph of unary, binary, two-output and If nodes over inputs, weights (some overridable) and each other. */
function randomGraph(pick: Pick, depth = 0, parent: Graph | null = null, path = ""): Graph {
  const b = new GraphBuilder(`g${depth}`, parent);
  const fresh = (base: string): string => `${path}${base}${b.graph.values_.size}`;
  if (!parent) {
    b.graph.irVersion = [3, 8][pick(2)]!;
    b.input("x");
    b.input("c");
    for (let i = 0; i < 1 + pick(3); i++) {
      if (b.graph.irVersion < 4 || pick(4) === 0) b.input(`w${i}`);
      b.initializer(`w${i}`, Tensor.f32([1], [i]));
    }
  }
  for (let i = 0; i < 2 + pick(parent ? 3 : 8); i++) {
    const values = readable(b.graph);
    const one = (): Value => values[pick(values.length)]!;
    const name = pick(4) === 0 ? "" : b.graph.freshNodeName("n");
    const kind = pick(6);
    if (kind === 0) {
      b.node("Split", [one()], {}, { name, outputs: [fresh("l"), fresh("r")] });
    } else if (kind === 1 && depth < 2) {
      const branches = ["t", "e"].map((side) => randomGraph(pick, depth + 1, b.graph, `${path}${side}${i}.`));
      const attrs = attributes({
        then_branch: attr.graph(branches[0]!),
        else_branch: attr.graph(branches[1]!),
      });
      b.node("If", [one()], attrs, { name, outputs: [fresh("v")] });
    } else if (kind === 2) b.node("Add", [one(), one()], {}, { name, outputs: [fresh("v")] });
    else b.node(["Relu", "Neg", "Abs"][kind - 3]!, [one()], {}, { name, outputs: [fresh("v")] });
  }
  const own = [...b.graph.values_.values()].filter((value) => !parent || value.producer);
  for (let i = 0; i < 1 + pick(3); i++) b.output(own[pick(own.length)]!);
  return b.graph;
}

/** A patch around a random node: replacements of random values by planned or existing ones, sensible or not. */
function randomPatch(graph: Graph, pick: Pick): Patch | null {
  const nodes = allNodes(graph);
  const anchor = nodes[pick(nodes.length)];
  if (!anchor) return null;
  const scope = anchor.graph!;
  const patch = new Patch(scope, anchor, pick(2) === 0 ? "" : "random");
  const values = readable(scope);
  const one = (): Value => values[pick(values.length)]!;
  const planned: Value[] = [];
  for (let i = 0; i < pick(4); i++) {
    if (pick(3) === 0) planned.push(patch.constant("k", Tensor.f32([1], [pick(9)])));
    const some = (): Value => (planned.length > 0 && pick(2) === 0 ? planned[pick(planned.length)]! : one());
    planned.push(patch.op("Add", [some(), some()], {}, pick(3) === 0 ? { heirOf: anchor } : {}));
  }
  for (let i = 0; i < 1 + pick(3); i++) {
    const outputs = anchor.outputs.filter((output) => output !== null);
    const old = pick(2) === 0 ? outputs[pick(outputs.length)]! : one();
    patch.replace(old, planned.length > 0 && pick(3) > 0 ? planned[pick(planned.length)]! : one());
  }
  if (pick(4) === 0) patch.drop(one());
  return patch;
}

const numbers = fc.array(fc.nat(1_000_000), { minLength: 20, maxLength: 400 });
const interfaceOf = (graph: Graph): string =>
  [graph.requiredInputs, graph.outputs]
    .map((values) => values.map((value) => value.name).join(" "))
    .join(" -> ");

describe("random patches on random graphs", () => {
  it("leave a valid graph with the same interface, or the graph as it was", () => {
    let [applied, refused] = [0, 0];
    fc.assert(
      fc.property(numbers, (list) => {
        const pick = picker(list);
        const graph = randomGraph(pick);
        verify(graph);
        const face = interfaceOf(graph);
        for (let round = 0; round < 12; round++) {
          const patch = randomPatch(graph, pick);
          if (!patch) break;
          const before = snapshot(graph);
          try {
            const { added, removed } = patch.apply();
            applied++;
            expect(added.every((node) => node.graph === patch.graph)).toBe(true);
            expect(removed.every((node) => node.graph === null)).toBe(true);
          } catch (error) {
            if (!(error instanceof ConvoptError)) throw error;
            refused++;
            expect(snapshot(graph)).toBe(before);
          }
          verify(graph);
          expect(interfaceOf(graph)).toBe(face);
        }
      }),
      { numRuns: 400 },
    );
    expect(applied).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(100);
  });

  it("do the same to a clone, and nothing to the original", () => {
    fc.assert(
      fc.property(numbers, numbers, (list, patches) => {
        const graph = randomGraph(picker(list));
        const [twin, untouched] = [cloneGraph(graph), snapshot(graph)];
        verify(twin);
        expect(snapshot(twin)).toBe(untouched);
        expect(hashGraph(twin)).toBe(hashGraph(graph));
        const apply = (target: Graph): void => {
          const pick = picker(patches);
          for (let round = 0; round < 4; round++) {
            try {
              randomPatch(target, pick)?.apply();
            } catch (error) {
              if (!(error instanceof ConvoptError)) throw error;
            }
          }
        };
        apply(twin);
        expect(snapshot(graph)).toBe(untouched);
        apply(graph);
        expect(print(twin)).toBe(print(graph));
      }),
      { numRuns: 150 },
    );
  });

  it("sort any order of the nodes, and leave a sorted one alone", () => {
    fc.assert(
      fc.property(numbers, fc.nat(), (list, seed) => {
        const graph = randomGraph(picker(list));
        const before = print(graph);
        sortTopologically(graph);
        expect(print(graph)).toBe(before);
        for (let i = graph.nodes_.length - 1; i > 0; i--) {
          const j = (seed + i * 7919) % (i + 1);
          [graph.nodes_[i], graph.nodes_[j]] = [graph.nodes_[j]!, graph.nodes_[i]!];
        }
        sortTopologically(graph);
        verify(graph);
      }),
      { numRuns: 200 },
    );
  });
});
