import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchNodes, matchValues } from "../../src/api/match-values.js";
import { GraphBuilder, Tensor, type Model, type Value } from "../../src/index.js";
import { modelOf } from "./small-models.js";

interface Names {
  readonly prefix: string;
  /** Which of the two branches comes first in the file. */
  readonly swap?: boolean;
  readonly weight?: number;
  readonly split?: boolean;
}

/** Two branches of one input with weights of their own, added, then a chain. */
function branches({ prefix, swap = false, weight = 2, split = false }: Names): Model {
  const builder = new GraphBuilder();
  const x = builder.input("x", { dtype: "float32", shape: ["N", 2] });
  const at = (name: string): { outputs: string[]; name: string } => ({
    outputs: [`${prefix}${name}`],
    name: `${prefix}node-${name}`,
  });
  const branch = (name: string, by: number): Value =>
    builder.op("Mul", [x, builder.initializer(`${prefix}w-${name}`, Tensor.f32([1], [by]))], {}, at(name));
  const made = swap
    ? [branch("right", 3), branch("left", weight)].reverse()
    : [branch("left", weight), branch("right", 3)];
  const inner = split ? builder.op("Identity", [made[0]!], {}, at("extra")) : made[0]!;
  const sum = builder.op("Add", [inner, made[1]!], {}, at("sum"));
  const relu = builder.op("Relu", [sum], {}, at("relu"));
  builder.output(builder.op("Neg", [relu], {}, { outputs: ["y"], name: `${prefix}neg` }), {
    dtype: "float32",
    shape: ["N", 2],
  });
  return modelOf(builder);
}

const named = (a: Model, b: Model): Record<string, string> =>
  Object.fromEntries([...matchValues(a, b)].map(([value, twin]) => [value.name, twin.name]));

const all = { x: "x", left: "z-left", right: "z-right", sum: "z-sum", relu: "z-relu", y: "y" };

describe("matchValues", () => {
  const a = branches({ prefix: "" });

  it("matches by name where there is one", () => {
    const same = named(a, branches({ prefix: "", weight: 5 }));
    expect(same).toEqual({ x: "x", left: "left", right: "right", sum: "sum", relu: "relu", y: "y" });
  });

  it("matches through renames, other orders and another weight", () => {
    expect(named(a, branches({ prefix: "z-" }))).toEqual(all);
    expect(named(a, branches({ prefix: "z-", swap: true }))).toEqual(all);
    // The other branch has the same weight still, so this one is the rest.
    expect(named(a, branches({ prefix: "z-", weight: 7 }))).toEqual(all);
  });

  it("goes on behind a node that only one has, from the other side", () => {
    const found = named(a, branches({ prefix: "z-", split: true }));
    expect(found).toEqual({ x: "x", right: "z-right", sum: "z-sum", relu: "z-relu", y: "y" });
  });

  it("pairs nodes by what they make", () => {
    const pairs = [...matchNodes(a, branches({ prefix: "z-" }))].map(([one, other]) => [
      one.name,
      other.name,
    ]);
    expect(pairs).toContainEqual(["node-sum", "z-node-sum"]);
  });

  it("never pairs a value twice", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 4 }), (swap, split, weight) => {
        const twins = [...matchValues(a, branches({ prefix: "q", swap, split, weight })).values()];
        expect(new Set(twins).size).toBe(twins.length);
      }),
    );
  });
});
