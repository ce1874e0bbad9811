import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphBuilder, Model, Tensor, type Value } from "../../src/ir/index.js";
import { interpret, prepareInterpreter } from "../../src/measure/index.js";
import { BufferPool } from "../../src/measure/buffer-pool.js";

const count = 2 ** 14;
const show = (array: Float32Array | Float64Array): Tensor =>
  Tensor.of(array instanceof Float32Array ? "float32" : "float64", [array.length], array);

describe("BufferPool", () => {
  it("hands a buffer out again when nothing shows it any more, zeroed, under any type", () => {
    const pool = new BufferPool();
    pool.startRun();
    const first = pool.take("Float32Array", count)!;
    first.fill(7);
    const [tensor, view] = [show(first), Tensor.of("float32", [2, count / 2], first)];
    pool.hold(tensor);
    pool.hold(view);
    pool.release(tensor);
    expect(pool.take("Float32Array", count)!.buffer).not.toBe(first.buffer);
    pool.release(view);
    const again = pool.take("Float64Array", count / 2)!;
    expect(again.buffer).toBe(first.buffer);
    expect(again.every((x) => x === 0)).toBe(true);
  });

  it("leaves in a buffer what was there for who writes it whole", () => {
    const pool = new BufferPool();
    pool.startRun();
    const tensor = show(pool.take("Float32Array", count, "anything")!.fill(7));
    pool.hold(tensor);
    pool.release(tensor);
    const again = pool.take("Float32Array", count, "anything")!;
    expect(again.buffer).toBe((tensor.data as Float32Array).buffer);
    expect(again.every((x) => x === 7)).toBe(true);
  });

  it("never takes back what it doesn't own: small arrays, the caller's, another run's, a sequence's", () => {
    const pool = new BufferPool();
    pool.startRun();
    expect(pool.take("Float32Array", 100)).toBeNull();
    const own = show(new Float32Array(count));
    pool.hold(own);
    pool.release(own);
    const old = show(pool.take("Float32Array", count)!);
    pool.hold(old);
    pool.startRun();
    pool.release(old);
    const listed = show(pool.take("Float32Array", count)!);
    pool.hold([listed]);
    pool.hold(listed);
    pool.release(listed);
    pool.release([listed]);
    const next = pool.take("Float32Array", count)!.buffer;
    for (const tensor of [own, old, listed]) expect(next).not.toBe((tensor.data as Float32Array).buffer);
  });
});

/** Steps over values of one size; views and joins of earlier values among them. */
const steps = ["Relu", "Neg", "Add", "Mul", "Identity", "Reshape", "Concat"] as const;
const plans = fc.array(fc.tuple(fc.constantFrom(...steps), fc.nat(), fc.nat()), {
  minLength: 1,
  maxLength: 14,
});

describe("an interpreter that reuses memory", () => {
  it("computes what one without does, run after run, and leaves earlier results alone", () => {
    fc.assert(
      fc.property(plans, fc.nat({ max: 3 }), (plan, kept) => {
        const builder = new GraphBuilder();
        const values: Value[] = [builder.input("x", { dtype: "float32", shape: [2, count] })];
        const shape = builder.initializer("shape", Tensor.i64([2], [2, -1]));
        plan.forEach(([op, a, b], i) => {
          const [left, right] = [values[a % values.length]!, values[b % values.length]!];
          const outputs = { outputs: [`v${i}`] };
          const half = (value: Value, slot: number): Value =>
            builder.op(
              "Slice",
              [
                value,
                builder.initializer(`s${i}${slot}`, Tensor.i64([1], [slot * (count / 2)])),
                builder.initializer(`e${i}${slot}`, Tensor.i64([1], [(slot + 1) * (count / 2)])),
                builder.initializer(`a${i}${slot}`, Tensor.i64([1], [1])),
              ],
              {},
            );
          if (op === "Add" || op === "Mul") values.push(builder.op(op, [left, right], {}, outputs));
          else if (op === "Reshape") values.push(builder.op(op, [left, shape], {}, outputs));
          else if (op === "Concat")
            values.push(builder.op(op, [half(left, 0), half(right, 1)], { axis: 1 }, outputs));
          else values.push(builder.op(op, [left], {}, outputs));
        });
        const type = { dtype: "float32", shape: [2, count] } as const;
        const last = values.length - 1;
        for (const i of new Set([last, Math.max(1, last - kept)])) builder.output(values[i]!, type);
        builder.graph.opsets.set("", 17);
        const model = new Model(builder.graph);
        const feedsOf = (seed: number): Map<string, Tensor> =>
          new Map([
            [
              "x",
              Tensor.f32(
                [2, count],
                Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(i * seed)),
              ),
            ],
          ]);
        const pooled = prepareInterpreter(model);
        const results = [1, 2, 3].map((seed) => pooled.run(feedsOf(seed)));
        [1, 2, 3].forEach((seed, run) => {
          const plain = interpret(model, feedsOf(seed), { onNode: () => undefined });
          for (const [name, tensor] of plain)
            expect(Buffer.compare(bytesOf(results[run]!.get(name)!), bytesOf(tensor))).toBe(0);
        });
      }),
      { numRuns: 60 },
    );
  });
});

function bytesOf({ data }: Tensor): Buffer {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}
