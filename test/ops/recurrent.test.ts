import { describe, expect, it } from "vitest";
import { attr, Tensor, type AttributeInput } from "../../src/ir/index.js";
import { fact } from "../../src/ops/index.js";
import { evaluateOne, inferOne, noise, runInOrt, type OneNode } from "./one-node.js";

const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const;
type Name = keyof typeof gates;

interface Variant {
  readonly direction?: string;
  readonly bias?: boolean;
  readonly lengths?: readonly number[];
  readonly initial?: boolean;
  readonly peepholes?: boolean;
  readonly more?: Record<string, AttributeInput>;
}

function build(
  op: Name,
  { direction = "forward", bias, lengths, initial, peepholes, more }: Variant,
): OneNode {
  const [time, batch, inputs, hidden] = [4, 3, 5, 6];
  const dirs = direction === "bidirectional" ? 2 : 1;
  const width = gates[op] * hidden;
  const state = (seed: number): Tensor => noise([dirs, batch, hidden], seed);
  return {
    op,
    opset: 14,
    outputs: op === "LSTM" ? 3 : 2,
    attributes: { hidden_size: hidden, direction, ...more },
    inputs: [
      noise([time, batch, inputs], 1),
      noise([dirs, width, inputs], 2),
      noise([dirs, width, hidden], 3),
      bias ? noise([dirs, 2 * width], 4) : null,
      lengths ? Tensor.of("int32", [batch], Int32Array.from(lengths)) : null,
      initial ? state(5) : null,
      ...(op === "LSTM" ? [initial ? state(6) : null, peepholes ? noise([dirs, 3 * hidden], 7) : null] : []),
    ],
  };
}

const variants: readonly Variant[] = [
  {},
  { bias: true, initial: true },
  { direction: "reverse", bias: true, lengths: [4, 2, 3] },
  { direction: "bidirectional", bias: true, initial: true, lengths: [1, 4, 2] },
  { bias: true, more: { clip: attr.float(0.5) } },
];

describe.each(Object.keys(gates) as Name[])("%s", (op) => {
  it.each(variants)("agrees with ONNX Runtime: %j", async (variant) => {
    await expectOrt(build(op, variant));
  });

  it("infers the shapes that it evaluates to", () => {
    const one = build(op, { direction: "bidirectional" });
    const facts = one.inputs.map((tensor) => tensor && fact(tensor.dtype, tensor.dims));
    const shapes = inferOne(one, facts).map((each) => each!.shape);
    expect(shapes).toEqual(evaluateOne(one).map(({ dims }) => dims));
  });

  it("gives the same batch-first", () => {
    const one = build(op, { bias: true });
    const swap = (tensor: Tensor): Tensor => {
      const [a, b, c] = tensor.dims as [number, number, number];
      const at = (i: number): number => ((Math.floor(i / c) % a) * b + Math.floor(i / c / a)) * c + (i % c);
      return Tensor.f32(
        [b, a, c],
        Array.from({ length: tensor.size }, (_, i) => tensor.numbers[at(i)]!),
      );
    };
    const first = {
      ...one,
      inputs: [swap(one.inputs[0]!), ...one.inputs.slice(1)],
      attributes: { ...one.attributes, layout: 1 },
    };
    const [plain, turned] = [evaluateOne(one)[1]!, evaluateOne(first)[1]!];
    expect(turned.dims).toEqual([3, 1, 6]);
    expect(Array.from(turned.numbers)).toEqual(Array.from(plain.numbers));
  });

  it("refuses weights of another shape and unknown activations", () => {
    const one = build(op, {});
    expect(() => evaluateOne({ ...one, inputs: [noise([4, 3, 7]), ...one.inputs.slice(1)] })).toThrow(
      /W .* must have the shape/,
    );
    const odd = {
      ...one.attributes,
      activations: attr.strings(["Tanh", "Nope", "Tanh"].slice(op === "RNN" ? 1 : 0)),
    };
    expect(() => evaluateOne({ ...one, attributes: odd })).toThrow(/functions that ONNX names/);
    expect(() => evaluateOne({ ...one, attributes: { ...one.attributes, direction: "up" } })).toThrow(
      /direction "up"/,
    );
  });
});

it("LSTM with peepholes and coupled gates agrees with ONNX Runtime", async () => {
  await expectOrt(build("LSTM", { bias: true, initial: true, peepholes: true }));
  await expectOrt(build("LSTM", { bias: true, more: { input_forget: 1 } }));
});

it("GRU with the reset after the product agrees with ONNX Runtime", async () => {
  await expectOrt(build("GRU", { bias: true, initial: true, more: { linear_before_reset: 1 } }));
});

it("activations with parameters agree with ONNX Runtime", async () => {
  const activations = attr.strings(["HardSigmoid", "LeakyRelu"]);
  const parameters = { activation_alpha: attr.floats([0.3, 0.1]), activation_beta: attr.floats([0.4]) };
  await expectOrt(build("GRU", { bias: true, more: { activations, ...parameters } }));
  await expectOrt(build("RNN", { bias: true, more: { activations: attr.strings(["Relu"]) } }));
});

async function expectOrt(one: OneNode): Promise<void> {
  const [got, want] = [evaluateOne(one), await runInOrt(one)];
  want.forEach(({ dims, data }, output) => {
    expect(got[output]!.dims).toEqual(dims);
    data.forEach((value, i) => expect(Math.abs(got[output]!.numbers[i]! - value)).toBeLessThanOrEqual(3e-5));
  });
}
