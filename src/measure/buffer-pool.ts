import { Tensor } from "../ir/index.js";
import type { Content, RuntimeValue } from "../ops/index.js";

/** Smaller arrays are cheaper to allocate anew. */
const leastBytes = 2 ** 15;
/** Buffers that wait for use hold at most this much. */
const mostBytes = 2 ** 28;

/**
 * Buffers of values that nobody reads any more, for the next value of the same size: fresh memory costs more than a small
 * convolution, because the system hands it out page by page. A buffer is counted for every value that shows it (a reshaped
 * tensor shows its input's), and taken back when the last one is dropped.
 */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;
  /** Values that show a buffer, of those that were handed out in this run. */
  #shown = new Map<ArrayBufferLike, number>();

  /** What is still shown belongs to whoever holds it from now on. */
  startRun(): void {
    this.#shown = new Map();
  }

  /** Storage; null for arrays that aren't worth it. */
  take(
    kind: "Float32Array" | "Float64Array",
    count: number,
    content: Content = "zeros",
  ): Float32Array | Float64Array | null {
    const bytes = count * (kind === "Float64Array" ? 8 : 4);
    if (bytes < leastBytes) return null;
    const known = this.#free.get(bytes)?.pop();
    const buffer = known ?? new ArrayBuffer(bytes);
    this.#shown.set(buffer, 0);
    const array = kind === "Float64Array" ? new Float64Array(buffer) : new Float32Array(buffer);
    if (known) {
      this.#freeBytes -= bytes;
      if (content === "zeros") array.fill(0);
    }
    return array;
  }

  hold(value: RuntimeValue): void {
    for (const buffer of buffersOf(value)) {
      const shown = this.#shown.get(buffer);
      // The tensors of a sequence go elsewhere with it.
      if (shown !== undefined) this.#shown.set(buffer, value instanceof Tensor ? shown + 1 : Infinity);
    }
  }

  release(value: RuntimeValue): void {
    for (const buffer of buffersOf(value)) {
      const shown = this.#shown.get(buffer);
      if (shown === undefined) continue;
      if (shown > 1) {
        this.#shown.set(buffer, shown - 1);
        continue;
      }
      this.#shown.delete(buffer);
      if (this.#freeBytes + buffer.byteLength > mostBytes) continue;
      this.#freeBytes += buffer.byteLength;
      const list = this.#free.get(buffer.byteLength);
      if (list) list.push(buffer as ArrayBuffer);
      else this.#free.set(buffer.byteLength, [buffer as ArrayBuffer]);
    }
  }
}

function buffersOf(value: RuntimeValue): ArrayBufferLike[] {
  if (value === null) return [];
  const tensors = value instanceof Tensor ? [value] : value;
  return tensors.flatMap(({ data }) => (Array.isArray(data) ? [] : data.buffer));
}
