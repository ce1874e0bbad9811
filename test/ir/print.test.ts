import { describe, expect, it } from "vitest";
import { GraphBuilder, Tensor, attr, attributes, hashGraph, hashTensor, print } from "../../src/ir/index.js";

interface Names {
  readonly graph?: string;
  readonly branch?: string;
  readonly prefix?: string;
  readonly weight?: number;
  readonly alpha?: number;
  readonly opset?: number;
}

function sample({
  graph = "g",
  branch = "b",
  prefix = "",
  weight = 2,
  alpha = 0.5,
  opset = 17,
}: Names = {}): GraphBuilder {
  const b = new GraphBuilder(graph);
  b.graph.opsets.set("", opset);
  const x = b.input(`${prefix}x`, { dtype: "float32", shape: ["N", 3, null] });
  const w = b.initializer(`${prefix}w`, Tensor.f32([1], [weight]));
  const big = b.initializer(`${prefix}big`, Tensor.f32([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]));
  const a = b.op("Mul", [x, w], {}, { name: `${prefix}m`, outputs: [`${prefix}a`] });
  const inner = new GraphBuilder(branch, b.graph);
  inner.output(inner.op("Neg", [a], {}, { outputs: [`${prefix}z`] }));
  const attrs = attributes({
    then_branch: attr.graph(inner.graph),
    k: attr.ints([1, 2]),
    name: 'graph "x"(',
  });
  const y = b.op("If", [x], attrs, { domain: "com.example", outputs: [`${prefix}y`] });
  b.output(b.op("LeakyRelu", [b.op("Clip", [y, null, big])], { alpha: attr.float(alpha) }));
  return b;
}

describe("print", () => {
  it("writes a node a line, with types, attributes, subgraphs and weights", () => {
    expect(print(sample().graph)).toBe(
      [
        'graph "g"(%x: float32[N,3,?]) {',
        "  %w = const float32[1] {2}",
        `  %big = const float32[3,3] #${hashTensor(Tensor.f32([9], [1, 2, 3, 4, 5, 6, 7, 8, 9]))}`,
        "  %a = Mul(%x, %w) : ?",
        '  %y = com.example.If(%x) {k=[1,2], name="graph \\"x\\"("} : ?',
        "    .then_branch:",
        '      graph "b"() {',
        "        %z = Neg(%a) : ?",
        "        return %z: ?",
        "      }",
        "  %clip = Clip(%y, _, %big) : ?",
        "  %leakyrelu = LeakyRelu(%clip) {alpha=0.5f} : ?",
        "  return %leakyrelu: ?",
        "}",
        "",
      ].join("\n"),
    );
  });

  it("is canonical under renames when asked, and leaves weights out when asked", () => {
    const canonical = (names: Names): string => print(sample(names).graph, { names: "canonical" });
    expect(canonical({ prefix: "other." })).toBe(canonical({}));
    expect(print(sample().graph, { weights: "none" })).toContain("%big = const float32[3,3]\n");
  });

  it("prints values as they will be written: rounded, with the sign of zero", () => {
    const show = (tensor: Tensor): string => {
      const b = new GraphBuilder();
      b.initializer("t", tensor);
      return print(b.graph).split("\n")[1]!.trim();
    };
    expect(show(Tensor.f32([2], [0, -0]))).toBe("%t = const float32[2] {0,-0}");
    expect(show(Tensor.of("float32", [1], Float64Array.of(0.1)))).toBe(show(Tensor.f32([1], [0.1])));
    expect(show(Tensor.of("float16", [1], Float64Array.of(0.1)))).toBe(
      show(Tensor.floats("float16", [1], [0.1])),
    );
    expect(show(Tensor.of("string", [1], ["\n%y = Evil()"]))).not.toContain("Evil");
    expect(show(Tensor.i64([2], [1n << 62n, -1n]))).toBe("%t = const int64[2] {4611686018427387904,-1}");
  });
});

describe("hashGraph", () => {
  it("ignores the names of graphs, subgraphs, nodes and values", () => {
    const hash = hashGraph(sample().graph);
    expect(hashGraph(sample({ graph: "other", branch: 'quoted " name(' }).graph)).toBe(hash);
    expect(hashGraph(sample({ prefix: "p." }).graph)).toBe(hash);
  });

  it("sees weights to the bit, attributes, structure and operator-set versions", () => {
    const others: Names[] = [
      {},
      { weight: 2 + 2 ** -22 },
      { weight: 0 },
      { weight: -0 },
      { alpha: 0.25 },
      { alpha: 0 },
      { alpha: -0 },
      { opset: 16 },
    ];
    const hashes = others.map((names) => hashGraph(sample(names).graph));
    expect(new Set(hashes).size).toBe(others.length);
    const swapped = new GraphBuilder("g");
    swapped.output(swapped.op("Sub", [swapped.input("p"), swapped.input("q")]));
    const straight = new GraphBuilder("g");
    const [p, q] = [straight.input("p"), straight.input("q")];
    straight.output(straight.op("Sub", [q, p]));
    expect(hashGraph(swapped.graph)).not.toBe(hashGraph(straight.graph));
  });

  it("tells 20,000 weights that differ in one bit apart", () => {
    const hashes = new Set<string>();
    const data = new Float32Array(20_000 / 32 + 1).fill(1);
    const bits = new Uint32Array(data.buffer);
    for (let bit = 0; bit < 20_000; bit++) {
      bits[bit >> 5]! ^= 1 << (bit & 31);
      hashes.add(hashTensor(Tensor.f32([data.length], data)));
      bits[bit >> 5]! ^= 1 << (bit & 31);
    }
    expect(hashes.size).toBe(20_000);
  });
});
