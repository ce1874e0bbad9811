/* Bytes of a WebAssembly module with one function over an imported memory; after the WebAssembly core specification 2. */

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
/** Alignment (2³ bytes, a hint) and offset of a memory access. */
const memoryAt = (offset: number): number[] => [3, ...unsigned(offset)];

/** Instructions; a sequence of them is their concatenation. */
export const wasm = {
  get: (local: number): number[] => [0x20, ...unsigned(local)],
  set: (local: number): number[] => [0x21, ...unsigned(local)],
  tee: (local: number): number[] => [0x22, ...unsigned(local)],
  i32: (value: number): number[] => [0x41, ...signed(value)],
  add: [0x6a],
  multiply: [0x6c],
  shiftLeft: [0x74],
  /** Loop with a body that leaves a condition: repeats while it holds. */
  repeatWhile: (body: Code): number[] => [0x03, 0x40, ...body, 0x0d, 0, 0x0b],
  lessThan: [0x49],
  zeros: simd(0x0c, ...Array<number>(16).fill(0)),
  load: (offset: number): number[] => simd(0x00, ...memoryAt(offset)),
  /** One float64 in both lanes. */
  loadSplat: (offset: number): number[] => simd(0x0a, ...memoryAt(offset)),
  store: (offset: number): number[] => simd(0x0b, ...memoryAt(offset)),
  addPairs: simd(0xf0),
  multiplyPairs: simd(0xf2),
} as const;

/**
 * A module that exports the function `run` of `parameters` i32 parameters without result, with further `integers` i32
 * and `pairs` v128 locals (in this order), and imports its memory as `env.memory`.
 */
export function moduleOf(
  parameters: number,
  integers: number,
  pairs: number,
  code: Code,
): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => vector(Array.from(text, (letter) => [letter.charCodeAt(0)]));
  const locals = vector([
    [...unsigned(integers), 0x7f],
    [...unsigned(pairs), 0x7b],
  ]);
  const body = [...locals, ...code, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, ...vector(Array.from({ length: parameters }, () => [0x7f])), 0]])),
    ...section(2, vector([[...name("env"), ...name("memory"), 2, 0, 1]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[...name("run"), 0, 0]])),
    ...section(10, vector([[...unsigned(body.length), ...body]])),
  ]);
}
