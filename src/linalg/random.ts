/** Arrays that `shuffle` takes. */
export type Shuffleable =
  | unknown[]
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A stream of pseudo-random numbers, the same for the same seed on every machine. */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2⁻⁵³; between `low` and `high` when they are given. */
  uniform(low?: number, high?: number): number;
  /** Normal with the given mean (0) and standard deviation (1). */
  normal(mean?: number, deviation?: number): number;
  /** Uniform among 0 … n − 1 without bias; throws RangeError unless n is an integer in 1 … 2⁵³ − 1. */
  integer(n: number): number;
  /** Permutes the array in place (Fisher–Yates) and returns it. */
  shuffle<T extends Shuffleable>(array: T): T;
  /** A stream of its own for `label`, dependent on this stream's seed only, not on how far it was drawn. */
  fork(label: string): Random;
}

/**
 * A seeded generator: xoshiro128** (Blackman and Vigna 2021), its state filled by a 32-bit mixer. The seed is any
 * finite number. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  if (!Number.isFinite(seed)) throw new RangeError(`a seed must be a finite number, got ${seed}`);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, seed === 0 ? 0 : seed);
  return new Xoshiro128(mixWords([bits.getUint32(0), bits.getUint32(4)]));
}

class Xoshiro128 implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  private spare: number | undefined;

  constructor(private readonly key: number) {
    let state = key;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      return mix(state);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next();
  }

  private next(): number {
    const scrambled = Math.imul(this.b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  uniform(low = 0, high = 1): number {
    const fraction = ((this.next() >>> 5) * 67108864 + (this.next() >>> 6)) / 9007199254740992;
    return low + (high - low) * fraction;
  }

  /** Marsaglia's polar method. */
  normal(mean = 0, deviation = 1): number {
    let value = this.spare;
    this.spare = undefined;
    if (value === undefined) {
      let x: number;
      let y: number;
      let square: number;
      do {
        x = 2 * this.uniform() - 1;
        y = 2 * this.uniform() - 1;
        square = x * x + y * y;
      } while (square >= 1 || square === 0);
      const factor = Math.sqrt((-2 * naturalLogarithm(square)) / square);
      value = x * factor;
      this.spare = y * factor;
    }
    return mean + deviation * value;
  }

  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1)
      throw new RangeError(`integer(n) needs n in 1 … 2⁵³ − 1, got ${n}`);
    const span = n <= 4294967296 ? 4294967296 : 9007199254740992;
    const limit = span - (span % n);
    for (;;) {
      const drawn = span === 4294967296 ? this.next() : this.uniform() * 9007199254740992;
      if (drawn < limit) return drawn % n;
    }
  }

  shuffle<T extends Shuffleable>(array: T): T {
    const items = array as unknown[];
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return array;
  }

  fork(label: string): Random {
    const words = [this.key];
    for (let i = 0; i < label.length; i++) words.push(label.charCodeAt(i));
    return new Xoshiro128(mixWords(words));
  }
}

/** A bijective 32-bit mixer (lowbias32, Wellons). */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return h ^ (h >>> 15);
}

function mixWords(words: readonly number[]): number {
  let hash = words.length;
  for (const word of words) hash = mix((Math.imul(hash, 31) + word + 0x9e3779b9) | 0);
  return hash;
}

/** ln x for 0 < x ≤ 1, from the four operations alone: `Math.log` may differ in the last bit between engines. */
function naturalLogarithm(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let odd = 23; odd >= 1; odd -= 2) sum = sum * square + 1 / odd;
  return exponent * Math.LN2 + 2 * ratio * sum;
}
