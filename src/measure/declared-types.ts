import type { Dim, TensorType } from "../ir/index.js";
import { mergeDims, type Fact } from "../ops/index.js";

/** What the file declares of a value, with symbols replaced by the numbers they are bound to. */
export function bindSymbols(
  type: TensorType | null,
  symbols: ReadonlyMap<string, number>,
): TensorType | null {
  if (!type?.shape || symbols.size === 0) return type;
  const shape = type.shape.map((dim) => (typeof dim === "string" ? (symbols.get(dim) ?? dim) : dim));
  return { dtype: type.dtype, shape };
}

/**
 * What inference and declaration know together: numbers win over symbols, symbols over nothing. Where they contradict
 * each other inference wins, and `contradict` hears about it.
 */
export function mergeDeclared(
  inferred: Fact,
  declared: TensorType | null,
  contradict: (what: string) => void,
): Fact {
  if (!declared) return inferred;
  if (inferred.dtype !== null && inferred.dtype !== declared.dtype) {
    contradict(`declared as ${declared.dtype}, but ${inferred.dtype} by inference`);
    return inferred;
  }
  const dtype = inferred.dtype ?? declared.dtype;
  return { ...inferred, dtype, shape: mergeShapes(inferred.shape, declared.shape, contradict) };
}

function mergeShapes(
  inferred: readonly Dim[] | null,
  declared: readonly Dim[] | null,
  contradict: (what: string) => void,
): readonly Dim[] | null {
  if (!inferred || !declared) return inferred ?? declared;
  const differs =
    inferred.length !== declared.length ||
    inferred.some((dim, axis) => {
      const other = declared[axis];
      return typeof dim === "number" && typeof other === "number" && dim !== other;
    });
  if (differs) {
    contradict(`declared with shape ${readable(declared)}, but ${readable(inferred)} by inference`);
    return inferred;
  }
  return inferred.map((dim, axis) => mergeDims(dim, declared[axis]!));
}

function readable(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
