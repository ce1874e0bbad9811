import { UsageError, type Dim, type Graph, type Value } from "../ir/index.js";

/** Shapes of graph inputs by name, as `--shape` gives them; a dimension that is no number stays as declared. */
export type InputShapes = ReadonlyMap<string, readonly Dim[]>;

/** What binding the inputs' shapes says: their shapes, and the number that each symbol stands for. */
export interface BoundShapes {
  readonly shapes: ReadonlyMap<Value, readonly Dim[]>;
  readonly symbols: ReadonlyMap<string, number>;
}

/**
 * Fixes symbolic dimensions of inputs. A symbol gets the same number wherever it stands. Throws a UsageError for a
 * name that is no input, another rank than declared, a number against a fixed dimension or one symbol with two numbers.
 */
export function bindInputShapes(graph: Graph, given: InputShapes): BoundShapes {
  const shapes = new Map<Value, readonly Dim[]>();
  const symbols = new Map<string, number>();
  for (const [name, dims] of given) {
    const input = graph.inputs.find((candidate) => candidate.name === name);
    if (!input) {
      const names = graph.requiredInputs.map((candidate) => JSON.stringify(candidate.name)).join(", ");
      throw new UsageError(
        "E_SHAPE_NAME",
        `a shape is given for ${JSON.stringify(name)}, which is no input`,
        {
          hint: names === "" ? "the model has no inputs" : `the inputs are ${names}`,
        },
      );
    }
    checkAgainst(input, dims, symbols);
    const declared = input.type?.shape;
    shapes.set(
      input,
      dims.map((dim, axis) => (typeof dim === "number" ? dim : (declared?.[axis] ?? dim))),
    );
  }
  return { shapes, symbols };
}

function checkAgainst(input: Value, dims: readonly Dim[], symbols: Map<string, number>): void {
  const where = { tensor: input.name };
  const declared = input.type?.shape ?? null;
  if (dims.some((dim) => typeof dim === "number" && !(Number.isSafeInteger(dim) && dim >= 0))) {
    throw new UsageError("E_SHAPE_DIM", `${readableShape(dims)} is no shape`, { where });
  }
  if (!declared) return;
  const hint = `it is declared as ${readableShape(declared)}`;
  if (declared.length !== dims.length) {
    throw new UsageError(
      "E_SHAPE_RANK",
      `the shape ${readableShape(dims)} has rank ${dims.length}, the input has rank ${declared.length}`,
      { where, hint },
    );
  }
  declared.forEach((dim, axis) => {
    const number = dims[axis];
    if (typeof number !== "number") return;
    const fixed = typeof dim === "string" ? symbols.get(dim) : dim;
    if (typeof fixed === "number" && fixed !== number) {
      const what =
        typeof dim === "string" ? `the symbol ${dim} is already ${fixed}` : `it is fixed to ${fixed}`;
      throw new UsageError("E_SHAPE_DIM", `axis ${axis} cannot be ${number}: ${what}`, {
        where,
        hint,
      });
    }
    if (typeof dim === "string") symbols.set(dim, number);
  });
}

function readableShape(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
