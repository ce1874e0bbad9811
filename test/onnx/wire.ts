import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/* Protobuf by hand, so that tests don't trust the code under test for their input. */

export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

export function int(id: number, value: number | bigint): number[] {
  return [...varint(id * 8), ...varint(value)];
}

export function text(id: number, value: string): number[] {
  return bytes(id, [...new TextEncoder().encode(value)]);
}

/** A length-delimited field of the parts' bytes: a message, bytes or packed numbers. */
export function bytes(id: number, ...parts: readonly (readonly number[])[]): number[] {
  const content = parts.flat();
  return [...varint(id * 8 + 2), ...varint(content.length), ...content];
}

export function file(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

export const opset17 = bytes(8, int(2, 17));

/** float32 value info: name and dims. */
export function info(name: string, ...dims: readonly number[]): number[] {
  const shape = dims.map((dim) => bytes(1, int(1, dim)));
  return [...text(1, name), ...bytes(2, bytes(1, int(1, 1), bytes(2, ...shape)))];
}

/** A NodeProto. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...rest: number[][]
): number[] {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, op),
    ...rest.flat(),
  ];
}

/** A model of IR 8 and opset 17 whose graph has these fields beside its name. */
export function model(...graph: readonly number[][]): Uint8Array {
  return file(int(1, 8), bytes(7, text(2, "g"), ...graph), opset17);
}

export const fixtures = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "fixtures", "graphs");

/** Paths of the fixture graphs, those that are no valid models apart. */
export const graphFiles = readdirSync(fixtures)
  .filter((name) => name.endsWith(".onnx"))
  .map((name) => join(fixtures, name));

export const badFiles = graphFiles.filter((path) => /\/(bad-|empty-model)/.test(path));
/** A channel mismatch is inference's business, not the codec's. */
export const goodFiles = [
  ...graphFiles.filter((path) => !badFiles.includes(path) || path.includes("bad-channel-mismatch")),
  join(fixtures, "external-data", "model.onnx"),
];

export function readBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}
