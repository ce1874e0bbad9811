import { depthBlock, tile } from "../../linalg/panels.js";
import { wasm, type Code, type WasmFunction } from "../../linalg/wasm-assembler.js";

/*
 * Convolution kernels on 128-bit registers. Sums are in float64, in the order of the kernels in TypeScript, so that results
 * are equal bit for bit. Addresses, strides and steps are in bytes; every count is at least one.
 */

const { get, set, i32, sum, product, advance, next, repeatWhile, either, lessThan } = wasm;

/** Columns of a register tile in the kernel for few output channels. */
export const fewTile = 8;

/** Numbers of locals, in the order of their names. */
function numbered<const Names extends readonly string[]>(...names: Names): Record<Names[number], number> {
  return Object.fromEntries(names.map((name, index) => [name, index])) as Record<Names[number], number>;
}

function repeat(count: number, each: (index: number) => Code): Code {
  return Array.from({ length: count }, (_, index) => each(index)).flat();
}

/** Copies runs of float32 to float64: of every channel `rows` runs of `count` elements that lie `fromStep` apart. */
export function fillFunction() {
  const l = numbered(
    ...(["to", "from", "channels", "rows", "count"] as const),
    ...(["toChannel", "toRow", "fromChannel", "fromRow", "fromStep"] as const),
    ...(["channel", "row", "rowTo", "rowFrom", "q", "p", "end"] as const),
  );
  const copy: Code = [...get(l.q), ...get(l.p), ...wasm.loadWidened(0), ...wasm.storeFloat64(0)];
  const copyPair: Code = [...get(l.q), ...get(l.p), ...wasm.loadHalf(0), ...wasm.widen, ...wasm.store(0)];
  const pairs: Code = [
    ...[...get(l.q), ...get(l.end), ...lessThan],
    ...either(repeatWhile([...copyPair, ...advance(l.p, i32(8)), ...next(l.q, i32(16), get(l.end))]), []),
    // The last one, which an even count has copied already.
    ...[...sum(get(l.rowFrom), sum(product(get(l.count), i32(4)), i32(-4))), ...set(l.p)],
    ...[...get(l.end), ...set(l.q), ...copy],
  ];
  const singles = repeatWhile([
    ...copy,
    ...advance(l.p, get(l.fromStep)),
    ...next(l.q, i32(8), sum(get(l.end), i32(8))),
  ]);
  const row: Code = [
    ...[...get(l.rowTo), ...set(l.q), ...get(l.rowFrom), ...set(l.p)],
    ...[...sum(get(l.q), sum(product(get(l.count), i32(8)), i32(-8))), ...set(l.end)],
    ...[...get(l.fromStep), ...i32(4), ...wasm.equal, ...either(pairs, singles)],
    ...[...advance(l.rowTo, get(l.toRow)), ...advance(l.rowFrom, get(l.fromRow))],
    ...next(l.row, i32(1), get(l.rows)),
  ];
  const code = repeatWhile([
    ...[...get(l.to), ...set(l.rowTo), ...get(l.from), ...set(l.rowFrom), ...i32(0), ...set(l.row)],
    ...repeatWhile(row),
    ...[...advance(l.to, get(l.toChannel)), ...advance(l.from, get(l.fromChannel))],
    ...next(l.channel, i32(1), get(l.channels)),
  ]);
  return { name: "fill", parameters: 10, integers: 7, pairs: 0, code } as const satisfies WasmFunction;
}

/**
 * Stores the pairs `left` and `right` as four float32 at the address below: bounded from below by the float32 at `limits`,
 * then added to the one behind it, which tells the two zeros apart.
 */
function storeQuad(offset: number, left: Code, right: Code, limits: number): Code {
  return [
    ...[...left, ...wasm.narrow, ...right, ...wasm.narrow, ...wasm.joinHalves],
    ...[...get(limits), ...wasm.loadQuadSplat(0), ...wasm.greaterQuads],
    ...[...get(limits), ...wasm.loadQuadSplat(4), ...wasm.addQuads],
    ...wasm.store(offset),
  ];
}

/**
 * y = bias + Σ tap · band for one output channel of each of `planes` groups, eight columns at a time; what the last eight
 * of a row are too many is written into the next row, before that is.
 */
export function sumFunction() {
  const l = numbered(
    ...(["band", "taps", "offsets", "steps", "y", "rows", "width", "bandRow"] as const),
    ...(["planes", "bandPlane", "tapsPlane", "yPlane", "bias", "biasPlane", "limits"] as const),
    ...(["plane", "row", "rowAt", "rowTo", "end", "to", "at", "tap", "offset", "last", "p"] as const),
    ...(["factor", "sums"] as const),
  );
  const pairs = fewTile / 2;
  const step: Code = [
    ...[...sum(get(l.at), [...get(l.offset), ...wasm.loadInteger(0)]), ...set(l.p)],
    ...[...get(l.tap), ...wasm.loadSplat(0), ...set(l.factor)],
    ...repeat(pairs, (pair) => [
      ...[...get(l.sums + pair), ...get(l.factor), ...get(l.p), ...wasm.load(16 * pair)],
      ...[...wasm.multiplyPairs, ...wasm.addPairs, ...set(l.sums + pair)],
    ]),
    ...advance(l.tap, i32(8)),
    ...next(l.offset, i32(4), get(l.last)),
  ];
  const columns: Code = [
    ...repeat(pairs, (pair) => [...get(l.bias), ...wasm.loadSplat(0), ...set(l.sums + pair)]),
    ...[...get(l.taps), ...set(l.tap), ...get(l.offsets), ...set(l.offset)],
    ...repeatWhile(step),
    ...repeat(pairs / 2, (quad) => [
      ...get(l.to),
      ...storeQuad(16 * quad, get(l.sums + 2 * quad), get(l.sums + 2 * quad + 1), l.limits),
    ]),
    ...advance(l.at, i32(8 * fewTile)),
    ...next(l.to, i32(4 * fewTile), get(l.end)),
  ];
  const row: Code = [
    ...[...get(l.rowAt), ...set(l.at), ...get(l.rowTo), ...set(l.to)],
    ...[...sum(get(l.rowTo), product(get(l.width), i32(4))), ...set(l.end)],
    ...repeatWhile(columns),
    ...[...get(l.end), ...set(l.rowTo), ...advance(l.rowAt, get(l.bandRow))],
    ...next(l.row, i32(1), get(l.rows)),
  ];
  const code: Code = [
    ...[...sum(get(l.offsets), product(get(l.steps), i32(4))), ...set(l.last)],
    ...repeatWhile([
      ...[...get(l.band), ...set(l.rowAt), ...get(l.y), ...set(l.rowTo), ...i32(0), ...set(l.row)],
      ...repeatWhile(row),
      ...[...advance(l.band, get(l.bandPlane)), ...advance(l.taps, get(l.tapsPlane))],
      ...[...advance(l.y, get(l.yPlane)), ...advance(l.bias, get(l.biasPlane))],
      ...next(l.plane, i32(1), get(l.planes)),
    ]),
  ];
  return {
    name: "sum",
    parameters: 15,
    integers: 11,
    pairs: 1 + pairs,
    code,
  } as const satisfies WasmFunction;
}

/**
 * y = bias + A · patches: A in panels of four rows, patches gathered from the band into one panel of four columns at a time.
 * `rows` and `cols` are whole tiles. Columns come in descending order, so that what the last tile of a row has too much is
 * overwritten by the next row's first one.
 */
export function multiplyFunction() {
  const l = numbered(
    ...(["a", "band", "panel", "starts", "offsets", "steps"] as const),
    ...(["rows", "cols", "y", "yRow", "bias", "limits"] as const),
    ...(["start", "p0", "p1", "p2", "p3", "b", "offset", "last"] as const),
    ...(["i", "ap", "to", "add", "end", "aEnd"] as const),
    ...(["factor", "column"] as const),
  );
  const pairs = tile / 2;
  const firstSum = l.column + pairs;
  const blockSum = (row: number, pair: number): number => firstSum + row * pairs + pair;
  const total = (row: number, pair: number): number => firstSum + (tile + row) * pairs + pair;
  const each = (of: (row: number, pair: number) => Code): Code =>
    repeat(tile, (row) => repeat(pairs, (pair) => of(row, pair)));
  const points = [l.p0, l.p1, l.p2, l.p3];

  const nextStep = [...advance(l.b, i32(8 * tile)), ...next(l.offset, i32(4), get(l.last))];
  const contiguous = repeatWhile([
    ...[...sum(get(l.p0), [...get(l.offset), ...wasm.loadInteger(0)]), ...set(l.p1)],
    ...repeat(pairs, (pair) => [
      ...[...get(l.b), ...get(l.p1), ...wasm.load(16 * pair), ...wasm.store(16 * pair)],
    ]),
    ...nextStep,
  ]);
  const scattered = repeatWhile([
    ...points.flatMap((point, column) => [
      ...[...get(l.b), ...sum(get(point), [...get(l.offset), ...wasm.loadInteger(0)])],
      ...[...wasm.loadFloat64(0), ...wasm.storeFloat64(8 * column)],
    ]),
    ...nextStep,
  ]);
  const pack: Code = [
    ...points.flatMap((point, column) => [
      ...sum(get(l.band), [...get(l.start), ...wasm.loadInteger(4 * column)]),
      ...set(point),
    ]),
    ...[...get(l.panel), ...set(l.b), ...get(l.offsets), ...set(l.offset)],
    ...[...get(l.p3), ...sum(get(l.p0), i32(8 * (tile - 1))), ...wasm.equal],
    ...either(contiguous, scattered),
  ];

  const step: Code = [
    ...repeat(pairs, (pair) => [...get(l.b), ...wasm.load(16 * pair), ...set(l.column + pair)]),
    ...repeat(tile, (row) => [
      ...[...get(l.ap), ...wasm.loadSplat(8 * row), ...set(l.factor)],
      ...repeat(pairs, (pair) => [
        ...[...get(blockSum(row, pair)), ...get(l.factor), ...get(l.column + pair)],
        ...[...wasm.multiplyPairs, ...wasm.addPairs, ...set(blockSum(row, pair))],
      ]),
    ]),
    ...advance(l.b, i32(8 * tile)),
    ...next(l.ap, i32(8 * tile), get(l.end)),
  ];
  const block: Code = [
    ...each((row, pair) => [...wasm.zeros, ...set(blockSum(row, pair))]),
    ...[...sum(get(l.ap), i32(8 * tile * depthBlock)), ...set(l.end)],
    ...[...get(l.end), ...get(l.aEnd), ...get(l.end), ...get(l.aEnd), ...lessThan, ...wasm.select],
    ...set(l.end),
    ...repeatWhile(step),
    ...each((row, pair) => [
      ...[...get(total(row, pair)), ...get(blockSum(row, pair)), ...wasm.addPairs],
      ...set(total(row, pair)),
    ]),
    ...[...get(l.ap), ...get(l.aEnd), ...lessThan],
  ];
  const tiles: Code = [
    ...[...get(l.panel), ...set(l.b)],
    ...each((row, pair) => [...wasm.zeros, ...set(total(row, pair))]),
    ...[...sum(get(l.ap), product(get(l.steps), i32(8 * tile))), ...set(l.aEnd)],
    ...repeatWhile(block),
    ...repeat(tile, (row) => {
      const biased = (pair: number): Code => [
        ...[...get(total(row, pair)), ...get(l.add), ...wasm.loadSplat(8 * row), ...wasm.addPairs],
      ];
      return [
        ...[...get(l.to), ...storeQuad(0, biased(0), biased(1), l.limits)],
        ...advance(l.to, get(l.yRow)),
      ];
    }),
    ...advance(l.add, i32(8 * tile)),
    ...next(l.i, i32(tile), get(l.rows)),
  ];
  const code: Code = [
    ...[...sum(get(l.offsets), product(get(l.steps), i32(4))), ...set(l.last)],
    ...repeatWhile([
      ...advance(l.cols, i32(-tile)),
      ...[...sum(get(l.starts), product(get(l.cols), i32(4))), ...set(l.start)],
      ...pack,
      ...[...get(l.a), ...set(l.ap), ...get(l.bias), ...set(l.add), ...i32(0), ...set(l.i)],
      ...[...sum(get(l.y), product(get(l.cols), i32(4))), ...set(l.to)],
      ...repeatWhile(tiles),
      ...get(l.cols),
    ]),
  ];
  const registers = 1 + pairs + 2 * tile * pairs;
  return {
    name: "multiply",
    parameters: 12,
    integers: 14,
    pairs: registers,
    code,
  } as const satisfies WasmFunction;
}
