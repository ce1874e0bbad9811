import { moduleOf, type WasmFunction } from "./wasm-assembler.js";

/** The little of the WebAssembly API that is needed, as browsers and Node have it. */
interface WebAssemblyApi {
  readonly Memory: new (limits: { initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const pageBytes = 65536;

/**
 * What few products and convolutions go beyond. Memory that grows detaches the arrays over it, and once that has happened
 * the engine looks at every access to any array whether it was detached. Pages that nobody touches take no room.
 */
const initialBytes = 2 ** 24;

/** Compiled functions, by name, and their memory. */
export interface WasmInstance<Name extends string> {
  readonly run: Readonly<Record<Name, (...integers: number[]) => void>>;
  /** At least this many bytes of memory; arrays over what was returned before may be detached. */
  reserve(bytes: number): ArrayBuffer;
}

/** The functions over a memory of their own; null where the platform hasn't got WebAssembly or its 128-bit registers, or forbids compiling. */
export function instantiate<Name extends string>(
  functions: readonly (WasmFunction & { readonly name: Name })[],
): WasmInstance<Name> | null {
  const api = (globalThis as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
  if (!api) return null;
  try {
    const memory = new api.Memory({ initial: initialBytes / pageBytes });
    const { exports } = new api.Instance(new api.Module(moduleOf(functions)), { env: { memory } });
    return {
      run: exports as WasmInstance<Name>["run"],
      reserve(bytes) {
        const missing = bytes - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
        return memory.buffer;
      },
    };
  } catch {
    return null;
  }
}
