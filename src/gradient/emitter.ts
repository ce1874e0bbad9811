import { Tensor, type AttributeInput, type DType, type GraphBuilder, type Value } from "../ir/index.js";

/** Adds nodes behind a graph that is being built: the operators that backward passes are made of, at opset ≥ 16. */
export class Emitter {
  readonly #integers = new Map<string, Value>();
  readonly #scalars = new Map<number, Value>();

  constructor(
    private readonly builder: GraphBuilder,
    /** Element type of everything that is differentiated. */
    readonly dtype: DType,
  ) {}

  op(
    op: string,
    inputs: readonly (Value | null)[],
    attrs: Readonly<Record<string, AttributeInput | undefined>> = {},
  ): Value {
    return this.builder.op(op, inputs, attrs);
  }

  /** All outputs of a node; names are made up for as many as asked for. */
  outputs(
    op: string,
    inputs: readonly (Value | null)[],
    attrs: Readonly<Record<string, AttributeInput | undefined>>,
    count: number,
  ): readonly Value[] {
    const base = op.toLowerCase();
    const names: string[] = [];
    for (let i = 0; names.length < count; i++) {
      const name = this.builder.graph.freshName(`${base}.${i}`);
      if (!names.includes(name)) names.push(name);
    }
    return this.builder.node(op, inputs, attrs, { outputs: names }).outputs.map((value) => value!);
  }

  /** A 1-D int64 constant. */
  integers(values: readonly number[]): Value {
    const key = values.join();
    let known = this.#integers.get(key);
    if (!known) {
      known = this.#constant("integers", Tensor.i64([values.length], values));
      this.#integers.set(key, known);
    }
    return known;
  }

  /** A scalar constant of the element type. */
  scalar(value: number): Value {
    let known = this.#scalars.get(value);
    if (!known) {
      known = this.floats([], [value]);
      this.#scalars.set(value, known);
    }
    return known;
  }

  /** A constant of the element type. */
  floats(dims: readonly number[], values: ArrayLike<number>): Value {
    return this.#constant("constant", Tensor.floats(this.dtype, dims, values));
  }

  #constant(name: string, tensor: Tensor): Value {
    return this.builder.initializer(this.builder.graph.freshName(name), tensor);
  }

  reshape(x: Value, dims: readonly number[]): Value {
    return this.op("Reshape", [x, this.integers(dims)]);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    return this.op("Transpose", [x], { perm });
  }

  add(a: Value, b: Value): Value {
    return this.op("Add", [a, b]);
  }

  subtract(a: Value, b: Value): Value {
    return this.op("Sub", [a, b]);
  }

  multiply(a: Value, b: Value): Value {
    return this.op("Mul", [a, b]);
  }

  scale(x: Value, factor: number): Value {
    return factor === 1 ? x : this.multiply(x, this.scalar(factor));
  }

  /** x where `condition` holds, else 0. */
  masked(condition: Value, x: Value): Value {
    return this.multiply(x, this.cast(condition));
  }

  /** A value as the element type; booleans become 0 and 1. */
  cast(x: Value): Value {
    return this.op("Cast", [x], {
      to: { float16: 10, float64: 11, bfloat16: 16 }[this.dtype as string] ?? 1,
    });
  }

  sum(x: Value, axes: readonly number[], keepdims: boolean): Value {
    return axes.length === 0
      ? x
      : this.op("ReduceSum", [x, this.integers(axes)], { keepdims: keepdims ? 1 : 0 });
  }

  /** Zeros around x; one entry per axis. */
  pad(x: Value, begins: readonly number[], ends: readonly number[]): Value {
    if ([...begins, ...ends].every((pad) => pad === 0)) return x;
    return this.op("Pad", [x, this.integers([...begins, ...ends])]);
  }

  slice(
    x: Value,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): Value {
    const lists = [starts, ends, axes, ...(steps && steps.some((step) => step !== 1) ? [steps] : [])];
    return this.op("Slice", [x, ...lists.map((list) => this.integers(list))]);
  }

  /** The gradient of a broadcast: what was repeated is summed up. */
  unbroadcast(gradient: Value, from: readonly number[], to: readonly number[]): Value {
    const extra = from.length - to.length;
    const axes = from.flatMap((size, axis) =>
      axis < extra || (to[axis - extra] === 1 && size !== 1) ? [axis] : [],
    );
    if (axes.length === 0 && extra === 0) return gradient;
    return this.reshape(this.sum(gradient, axes, true), to);
  }
}
