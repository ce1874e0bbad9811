/* Bytes of a WebAssembly module of functions over an imported memory; after the WebAssembly core specification 2. */

export type Code = readonly number[];

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, body: Code): number[] => [id, ...unsigned(body.length), ...body];
const simd = (opcode: number, ...operands: number[]): number[] => [0xfd, ...unsigned(opcode), ...operands];
/** Alignment (2ⁿ bytes, a hint) and offset of a memory access. */
const memoryAt = (offset: number, alignment = 3): number[] => [alignment, ...unsigned(offset)];

/** Instructions; a sequence of them is their concatenation. Integers are i32, pairs two float64, quads four float32. */
export const wasm = {
  get: (local: number): number[] => [0x20, ...unsigned(local)],
  set: (local: number): number[] => [0x21, ...unsigned(local)],
  tee: (local: number): number[] => [0x22, ...unsigned(local)],
  i32: (value: number): number[] => [0x41, ...signed(value)],
  add: [0x6a],
  multiply: [0x6c],
  shiftLeft: [0x74],
  equal: [0x46],
  lessThan: [0x49],
  /** Of two values below a condition the first where it holds. */
  select: [0x1b],
  loadInteger: (offset: number): number[] => [0x28, ...memoryAt(offset, 2)],
  /** One float32 as a float64. */
  loadWidened: (offset: number): number[] => [0x2a, ...memoryAt(offset, 2), 0xbb],
  loadFloat64: (offset: number): number[] => [0x2b, ...memoryAt(offset)],
  storeFloat64: (offset: number): number[] => [0x39, ...memoryAt(offset)],
  /** Loop with a body that leaves a condition: repeats while it holds. */
  repeatWhile: (body: Code): number[] => [0x03, 0x40, ...body, 0x0d, 0, 0x0b],
  /** Takes a condition. */
  either: (then: Code, otherwise: Code): number[] => [0x04, 0x40, ...then, 0x05, ...otherwise, 0x0b],
  zeros: simd(0x0c, ...Array<number>(16).fill(0)),
  load: (offset: number): number[] => simd(0x00, ...memoryAt(offset)),
  /** Eight bytes; the other half is zeros. */
  loadHalf: (offset: number): number[] => simd(0x5d, ...memoryAt(offset)),
  /** One float64 in both lanes. */
  loadSplat: (offset: number): number[] => simd(0x0a, ...memoryAt(offset)),
  /** One float32 in all four lanes. */
  loadQuadSplat: (offset: number): number[] => simd(0x09, ...memoryAt(offset, 2)),
  store: (offset: number): number[] => simd(0x0b, ...memoryAt(offset)),
  addPairs: simd(0xf0),
  subtractPairs: simd(0xf1),
  multiplyPairs: simd(0xf2),
  addQuads: simd(0xe4),
  /** Of a below b the greater one, a where they don't compare. */
  greaterQuads: simd(0xeb),
  /** The lower two float32 as a pair. */
  widen: simd(0x5f),
  /** A pair rounded to the lower two float32. */
  narrow: simd(0x5e),
  /** The lower halves of two registers. */
  joinHalves: simd(0x0d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
  /** The values of the first, then those of the second. */
  sum: (a: Code, b: Code): number[] => [...a, ...b, 0x6a],
  product: (a: Code, b: Code): number[] => [...a, ...b, 0x6c],
  /** local += by. */
  advance: (local: number, by: Code): number[] => [...wasm.get(local), ...by, 0x6a, ...wasm.set(local)],
  /** local += by; whether it is below the limit then. */
  next: (local: number, by: Code, limit: Code): number[] => [
    ...wasm.get(local),
    ...by,
    0x6a,
    ...wasm.tee(local),
    ...limit,
    0x49,
  ],
} as const;

/** A function of i32 parameters without result. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: number;
  /** Further i32 locals, and v128 ones behind them. */
  readonly integers: number;
  readonly pairs: number;
  readonly code: Code;
}

/** A module that exports the functions and imports its memory as `env.memory`. */
export function moduleOf(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => vector(Array.from(text, (letter) => [letter.charCodeAt(0)]));
  const body = ({ integers, pairs, code }: WasmFunction): number[] => {
    const locals = vector([
      [...unsigned(integers), 0x7f],
      [...unsigned(pairs), 0x7b],
    ]);
    return [...unsigned(locals.length + code.length + 1), ...locals, ...code, 0x0b];
  };
  const type = ({ parameters }: WasmFunction): number[] => [
    0x60,
    ...vector(Array.from({ length: parameters }, () => [0x7f])),
    0,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(functions.map(type))),
    ...section(2, vector([[...name("env"), ...name("memory"), 2, 0, 1]])),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(7, vector(functions.map((each, index) => [...name(each.name), 0, ...unsigned(index)]))),
    ...section(10, vector(functions.map(body))),
  ]);
}
