import { depthBlock, rightBlock, rowBlock, tile, type PanelEngine } from "./panels.js";
import { wasm, type Code } from "./wasm-assembler.js";
import { instantiate } from "./wasm-instance.js";

const pairs = tile / 2;

/**
 * The same loops and the same order of sums as the portable engine, two columns to a 128-bit register: results are
 * equal bit for bit. Parameters: byte addresses of A, B, C, then rows, columns, steps.
 */
function multiplyCode(): Code {
  const [a, b, c, rows, cols, steps] = [0, 1, 2, 3, 4, 5];
  const [i, j, ap, bp, cp, end, rowBytes, aBytes] = [6, 7, 8, 9, 10, 11, 12, 13];
  const firstPair = 14;
  const sum = (row: number, pair: number): number => firstPair + row * pairs + pair;
  const column = (pair: number): number => firstPair + tile * pairs + pair;
  const factor = firstPair + tile * pairs + pairs;
  const { get, set, i32, add, multiply, shiftLeft, repeatWhile, advance, next } = wasm;
  const rowsOf = (each: (row: number) => Code): Code =>
    Array.from({ length: tile }, (_, row) => each(row)).flat();
  const pairsOf = (each: (pair: number) => Code): Code =>
    Array.from({ length: pairs }, (_, pair) => each(pair)).flat();

  const step: Code = [
    ...pairsOf((pair) => [...get(bp), ...wasm.load(16 * pair), ...set(column(pair))]),
    ...rowsOf((row) => [
      ...get(ap),
      ...wasm.loadSplat(8 * row),
      ...set(factor),
      ...pairsOf((pair) => [
        ...get(sum(row, pair)),
        ...get(factor),
        ...get(column(pair)),
        ...wasm.multiplyPairs,
        ...wasm.addPairs,
        ...set(sum(row, pair)),
      ]),
    ]),
    ...advance(bp, i32(8 * tile)),
    ...next(ap, i32(8 * tile), get(end)),
  ];
  const storeTile: Code = rowsOf((row) => [
    ...pairsOf((pair) => [
      ...get(cp),
      ...get(cp),
      ...wasm.load(16 * pair),
      ...get(sum(row, pair)),
      ...wasm.addPairs,
      ...wasm.store(16 * pair),
    ]),
    ...advance(cp, get(rowBytes)),
  ]);
  const tileRow: Code = [
    ...get(b),
    ...set(bp),
    ...rowsOf((row) => pairsOf((pair) => [...wasm.zeros, ...set(sum(row, pair))])),
    ...[...get(ap), ...get(aBytes), ...add, ...set(end)],
    ...repeatWhile(step),
    ...[...get(c), ...get(i), ...get(rowBytes), ...multiply, ...add],
    ...[...get(j), ...i32(3), ...shiftLeft, ...add, ...set(cp)],
    ...storeTile,
    ...next(i, i32(tile), get(rows)),
  ];
  return [
    ...[...get(cols), ...i32(3), ...shiftLeft, ...set(rowBytes)],
    ...[...get(steps), ...i32(8 * tile), ...multiply, ...set(aBytes)],
    ...repeatWhile([
      ...[...i32(0), ...set(i), ...get(a), ...set(ap)],
      ...repeatWhile(tileRow),
      ...advance(b, get(aBytes)),
      ...next(j, i32(tile), get(cols)),
    ]),
  ];
}

/**
 * The engine on WebAssembly's 128-bit registers, with place for `bLength` entries of B; null where the platform hasn't got
 * them or forbids compiling.
 */
export function createWasmEngine(bLength = rightBlock): PanelEngine | null {
  const instance = instantiate([
    { name: "multiply", parameters: 6, integers: 8, pairs: tile * pairs + pairs + 1, code: multiplyCode() },
  ]);
  if (!instance) return null;
  const aLength = rowBlock * depthBlock;
  let [a, b, c] = [new Float64Array(0), new Float64Array(0), new Float64Array(0)];
  return {
    name: "WebAssembly SIMD",
    get a() {
      return a;
    },
    get b() {
      return b;
    },
    get c() {
      return c;
    },
    reserve(length) {
      if (a.length > 0 && c.length >= length) return;
      const buffer = instance.reserve(8 * (aLength + bLength + length));
      a = new Float64Array(buffer, 0, aLength);
      b = new Float64Array(buffer, 8 * aLength, bLength);
      c = new Float64Array(buffer, 8 * (aLength + bLength), length);
    },
    multiply(rows, cols, steps, at, bAt) {
      const { multiply } = instance.run;
      multiply(a.byteOffset, b.byteOffset + 8 * bAt, c.byteOffset + 8 * at, rows, cols, steps);
    },
  };
}
