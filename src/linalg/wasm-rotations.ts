import { wasm, type Code } from "./wasm-assembler.js";
import { instantiate } from "./wasm-instance.js";

/** Rows of a panel. */
export const lanes = 8;
const pairs = lanes / 2;
const columnBytes = 8 * lanes;
const rotationBytes = 16;

/**
 * Plane rotations of the columns of a panel of rows. The panel holds `lanes` rows column by column; the rotations are
 * their cosines and sines in turn.
 */
export interface RotationEngine {
  readonly panel: Float64Array;
  readonly rotations: Float64Array;
  /** Room for so many columns and rotations; what was in the arrays may be lost. */
  reserve(columns: number, rotations: number): void;
  /** Applies the rotations from … to − 1, at least one: the first mixes the columns top − 1 and top, the next those before. */
  sweep(top: number, from: number, to: number): void;
}

/** Parameters: byte addresses of the column below the top, of the first rotation and of the end of the rotations. */
function sweepCode(): Code {
  const [lower, rotation, end, carried] = [0, 1, 2, 3];
  const [cosine, sine, value] = [carried + pairs, carried + pairs + 1, carried + pairs + 2];
  const { get, set, tee, i32, load, store, multiplyPairs, addPairs, subtractPairs } = wasm;
  const eachPair = (code: (pair: number, offset: number) => Code): Code =>
    Array.from({ length: pairs }, (_, pair) => code(carried + pair, 16 * pair)).flat();
  const product = (a: number, b: number): Code => [...get(a), ...get(b), ...multiplyPairs];
  return [
    ...eachPair((pair, offset) => [...get(lower), ...load(columnBytes + offset), ...set(pair)]),
    ...wasm.repeatWhile([
      ...[...get(rotation), ...wasm.loadSplat(0), ...set(cosine)],
      ...[...get(rotation), ...wasm.loadSplat(8), ...set(sine)],
      ...eachPair((pair, offset) => [
        ...get(lower),
        ...[...get(sine), ...get(lower), ...load(offset), ...tee(value), ...multiplyPairs],
        ...[...product(cosine, pair), ...addPairs],
        ...store(columnBytes + offset),
        ...[...product(cosine, value), ...product(sine, pair), ...subtractPairs, ...set(pair)],
      ]),
      ...wasm.advance(lower, i32(-columnBytes)),
      ...wasm.next(rotation, i32(rotationBytes), get(end)),
    ]),
    ...eachPair((pair, offset) => [...get(lower), ...get(pair), ...store(columnBytes + offset)]),
  ];
}

/** The engine on WebAssembly's 128-bit registers; null where the platform hasn't got them or forbids compiling. */
export function createWasmRotations(): RotationEngine | null {
  const instance = instantiate([
    { name: "sweep", parameters: 3, integers: 0, pairs: pairs + 3, code: sweepCode() },
  ]);
  if (!instance) return null;
  let [panel, rotations] = [new Float64Array(0), new Float64Array(0)];
  return {
    get panel() {
      return panel;
    },
    get rotations() {
      return rotations;
    },
    reserve(columns, count) {
      if (panel.length >= lanes * columns && rotations.length >= 2 * count) return;
      const length = Math.max(panel.length, lanes * columns);
      const pairsLength = Math.max(rotations.length, 2 * count, lanes);
      const buffer = instance.reserve(8 * (length + pairsLength));
      // The address below the first column, where a sweep ends, must not be below 0.
      rotations = new Float64Array(buffer, 0, pairsLength);
      panel = new Float64Array(buffer, 8 * pairsLength, length);
    },
    sweep(top, from, to) {
      const at = rotations.byteOffset;
      instance.run.sweep(
        panel.byteOffset + columnBytes * (top - 1),
        at + rotationBytes * from,
        at + rotationBytes * to,
      );
    },
  };
}
