import { ConvoptError, type Dim, type Model } from "../ir/index.js";
import { inferFacts, type FactTable } from "../measure/index.js";

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Sizes that stand for open dimensions, for one look at a model. */
export interface ShapeProbe {
  /** Full shapes of the inputs whose sizes were made up. */
  readonly shapes: Shapes;
  readonly facts: FactTable;
  /** The size of every open axis, and how many the input with the most of them has. */
  readonly size: number;
  readonly axes: number;
  /** "input=1x1x64x64". */
  readonly text: string;
}

/** Sizes for noise, tried in turn: small ones run fast, some networks want their usual one. */
export const noiseSizes: readonly number[] = [64, 224, 256, 128, 32, 299];

/**
 * Binds every symbolic axis behind the batch that `given` leaves open, to the first size that the model's nodes can go
 * together with. With `named`, where no size works, inputs with axes without names stay as they are. Null when there is
 * nothing to bind or nothing works.
 */
export function probeShapes(
  model: Model,
  given: Shapes,
  { sizes, named = false }: { readonly sizes: readonly number[]; readonly named?: boolean },
): ShapeProbe | null {
  const openAxes = (shape: readonly Dim[]): number =>
    shape.filter((dim, axis) => axis > 0 && typeof dim !== "number").length;
  const open = model.graph.requiredInputs.filter(
    ({ name, type }) => !given.has(name) && openAxes(type?.shape ?? []) > 0,
  );
  if (open.length === 0) return null;
  const known = inferFacts(model, { shapes: given });
  const candidates = open.flatMap((input) => {
    const shape = known.of(input).shape ?? [];
    const axes = openAxes(shape);
    if (axes === 0) return [];
    return [{ name: input.name, shape, axes, named: shape.every((dim) => dim !== null) }];
  });
  for (const chosen of named ? [candidates, candidates.filter((each) => each.named)] : [candidates]) {
    if (chosen.length === 0) return null;
    for (const size of sizes) {
      const shapes = new Map(
        chosen.map(({ name, shape }) => [
          name,
          shape.map((dim, axis) => (typeof dim === "number" ? dim : axis === 0 ? 1 : size)),
        ]),
      );
      try {
        const facts = inferFacts(model, { shapes: new Map([...given, ...shapes]) });
        const axes = Math.max(...chosen.map((each) => each.axes));
        const text = [...shapes].map(([name, dims]) => `${name}=${dims.join("x")}`).join(", ");
        return { shapes, facts, size, axes, text };
      } catch (error) {
        if (!(error instanceof ConvoptError)) throw error;
      }
    }
  }
  return null;
}
