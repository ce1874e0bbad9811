import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { attr, attributes, Node, type AttributeInput } from "../../src/ir/index.js";
import * as families from "../../src/ops/families.js";
import { attributesOf, opDefinition, opDefinitions, opVersions } from "../../src/ops/index.js";

function node(op: string, given: Record<string, AttributeInput> = {}, domain = ""): Node {
  return new Node({ op, domain, name: "n", inputs: [], outputs: [], attributes: attributes(given) });
}

describe("attributesOf", () => {
  test("fills the defaults of the version that the opset has", () => {
    expect(attributesOf<"Softmax">(node("Softmax"), 12)).toEqual({ axis: 1 });
    expect(attributesOf<"Softmax">(node("Softmax"), 13)).toEqual({ axis: -1 });
    expect(attributesOf<"Clip">(node("Clip"), 1)).toMatchObject({ min: null, max: null });
    expect(attributesOf<"Clip">(node("Clip"), 6).max).toBeCloseTo(3.4028235e38, -30);
    expect(attributesOf<"Clip">(node("Clip"), 11)).toMatchObject({ min: null, max: null });
    expect(attributesOf<"Hardmax">(node("Hardmax"), 99)).toEqual({ axis: -1 });
  });

  test("defaults are the shortest decimals of the schema's float32", () => {
    expect(attributesOf<"LeakyRelu">(node("LeakyRelu"), 16)).toEqual({ alpha: 0.01, consumed_inputs: null });
    expect(attributesOf<"BatchNormalization">(node("BatchNormalization"), 15)).toMatchObject({
      epsilon: 1e-5,
      momentum: 0.9,
    });
  });

  test("an operator older than its first version gets that version", () => {
    expect(attributesOf<"Gelu">(node("Gelu"), 7)).toEqual({ approximate: "none" });
    expect(attributesOf<"ImageScaler">(node("ImageScaler", { bias: attr.floats([1]) }), 9)).toEqual({
      bias: [1],
      scale: 1,
    });
  });

  test("refuses wrong types and missing required attributes", () => {
    expect(() => attributesOf(node("Softmax", { axis: attr.float(1) }), 13)).toThrow(
      /axis must be INT, not FLOAT.*node "n" \(Softmax\)/,
    );
    expect(() => attributesOf(node("Concat"), 13)).toThrow(/the attribute axis is missing/);
    expect(attributesOf<"Concat">(node("Concat"), 1)).toEqual({ axis: null });
  });

  test("takes whole numbers for floats and empty lists of any kind", () => {
    expect(attributesOf<"LeakyRelu">(node("LeakyRelu", { alpha: 2 }), 16).alpha).toBe(2);
    expect(attributesOf<"ReduceSum">(node("ReduceSum", { axes: attr.floats([]) }), 11).axes).toEqual([]);
  });

  test("a foreign operator shows its own attributes", () => {
    expect(attributesOf(node("Softmax", { axis: 3, beta: attr.float(2) }, "com.example"), 1)).toEqual({
      axis: 3,
      beta: 2,
    });
  });

  test("names that every object has are no operators", () => {
    for (const op of ["constructor", "toString", "__proto__"]) {
      expect(opDefinition(node(op))).toBeUndefined();
      expect(attributesOf(node(op), 13)).toEqual({});
    }
  });
});

describe("the tables", () => {
  const table = JSON.parse(readFileSync(new URL("../../src/ops/schemas.json", import.meta.url), "utf8")) as {
    domains: Record<string, Record<string, { since: number; attributes: Record<string, unknown> }[]>>;
  };

  test("the generated table has every operator and version of schemas.json", () => {
    for (const [domain, operators] of Object.entries(table.domains)) {
      for (const [name, schemas] of Object.entries(operators)) {
        const generated = opVersions[name as keyof typeof opVersions];
        expect(generated.domain, name).toBe(domain);
        expect(
          generated.versions.map(({ since }) => since),
          name,
        ).toEqual(schemas.map(({ since }) => since));
      }
    }
  });

  test("no operator is defined twice, each stands in the domain of its schema", () => {
    const exported = Object.values(families).flatMap((family) =>
      Object.values(family as Record<string, unknown>).filter(
        (value): value is { name: string; domain: string } =>
          typeof value === "object" && value !== null && "infer" in value,
      ),
    );
    const keys = exported.map(({ domain, name }) => `${domain}:${name}`);
    expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
    for (const { name, domain } of opDefinitions()) expect(opVersions[name].domain, name).toBe(domain);
  });
});
