import type { Model, Value } from "../ir/index.js";

/** Names, element types, shapes and order of inputs and outputs that are not the same. */
export function interfaceDifferences(a: Model, b: Model): string[] {
  const sides = [
    ["input", a.graph.requiredInputs, b.graph.requiredInputs],
    ["output", a.graph.outputs, b.graph.outputs],
  ] as const;
  return sides.flatMap(([kind, left, right]) => {
    const found: string[] = [];
    if (left.length !== right.length)
      found.push(`${left.length} ${kind}s in the first, ${right.length} in the second`);
    left.forEach((value, i) => {
      const other = right[i];
      if (!other) return;
      if (other.name !== value.name) {
        found.push(
          `${kind} ${i} is ${JSON.stringify(value.name)} in the first, ${JSON.stringify(other.name)} in the second`,
        );
        return;
      }
      const [first, second] = [typeText(value), typeText(other)];
      if (first !== second)
        found.push(`${kind} ${JSON.stringify(value.name)} is ${first} in the first, ${second} in the second`);
    });
    return found;
  });
}

function typeText(value: Value): string {
  if (!value.type) return "untyped";
  const { dtype, shape } = value.type;
  return `${dtype}[${shape ? shape.map((dim) => dim ?? "?").join(",") : "…"}]`;
}

/** Whether one set of feeds fits both: the same names and element types, no two fixed dimensions that differ. */
export function sameInputs(a: Model, b: Model): boolean {
  const [left, right] = [a.graph.requiredInputs, b.graph.requiredInputs];
  return (
    left.length === right.length &&
    left.every((value) => {
      const other = right.find((candidate) => candidate.name === value.name);
      if (!other) return false;
      if (!value.type || !other.type) return true;
      const [first, second] = [value.type.shape, other.type.shape];
      if (value.type.dtype !== other.type.dtype || first?.length !== second?.length) return false;
      return (first ?? []).every((dim, axis) => {
        const twin = second?.[axis];
        return typeof dim !== "number" || typeof twin !== "number" || dim === twin;
      });
    })
  );
}

/** Names of the first model's outputs that the second has too. */
export function comparableOutputs(a: Model, b: Model): string[] {
  const there = new Set(b.graph.outputs.map((output) => output.name));
  return a.graph.outputs.map((output) => output.name).filter((name) => there.has(name));
}
