import fc from "fast-check";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { ConvoptError, ModelError } from "../../src/ir/index.js";
import { decodeModel, encodeModel } from "../../src/onnx/index.js";
import { recognise } from "../../src/onnx/recognise.js";
import { scan } from "../../src/onnx/scan.js";
import {
  badFiles,
  bytes,
  file,
  fixtures,
  goodFiles,
  info,
  int,
  model,
  node,
  opset17,
  readBytes,
  text,
} from "./wire.js";

function failure(content: Uint8Array): ModelError {
  try {
    decodeModel(content, { file: "m.onnx" });
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).message).toContain("m.onnx");
    return error as ModelError;
  }
  throw new Error("the model was accepted");
}

const io = [bytes(11, info("x", 2)), bytes(12, info("y", 2))];
const relu = bytes(1, node("Relu", ["x"], ["y"]));
const ascii = (content: string): Uint8Array => new TextEncoder().encode(content);

describe("bad files", () => {
  const expectedCodes: Record<string, [code: string, where: object]> = {
    "bad-cycle": ["E_MODEL_CYCLE", { node: "b" }],
    "bad-duplicate-output": ["E_MODEL_DUPLICATE", { node: "second", tensor: "output" }],
    "bad-external-escape": ["E_MODEL_EXTERNAL_PATH", {}],
    "bad-huge-dims": ["E_MODEL_TENSOR_DATA", { tensor: "huge" }],
    "bad-missing-weight": ["E_MODEL_DANGLING", { node: "conv", tensor: "conv.weight" }],
    "bad-short-tensor": ["E_MODEL_TENSOR_DATA", { tensor: "output.weight" }],
    "empty-model": ["E_MODEL_NO_GRAPH", {}],
  };

  it.each(badFiles.filter((path) => !path.includes("channel-mismatch")))(
    "%s is refused with its place",
    (path) => {
      const [code, where] = expectedCodes[basename(path, ".onnx")]!;
      const error = failure(readBytes(path));
      expect(error.code).toBe(code);
      expect(error.where).toMatchObject(where);
    },
  );

  it.each([
    ["an empty file", new Uint8Array(), "E_MODEL_EMPTY", /empty/],
    ["a PNG", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13), "E_MODEL_FORMAT", /PNG/],
    ["a ZIP", ascii("PK\u0003\u0004 archive"), "E_MODEL_FORMAT", /ZIP/],
    ["HTML", ascii("<!DOCTYPE html><html></html>"), "E_MODEL_FORMAT", /HTML/],
    ["a Git LFS pointer", ascii("version https://git-lfs.github.com/spec/v1\noid"), "E_MODEL_FORMAT", /git lfs pull/],
    ["JSON", ascii('{"model": 1}'), "E_MODEL_FORMAT", /JSON/],
    ["zeros", new Uint8Array(64), "E_MODEL_FORMAT", /no ONNX model/],
    ["no graph", file(int(1, 8), opset17), "E_MODEL_NO_GRAPH", /no graph/],
    ["no such dtype", model(relu, ...io, bytes(5, int(1, 0), int(2, 77), text(8, "w"))), "E_MODEL_DTYPE", /77/],
    ["a negative dimension", model(relu, ...io, bytes(5, int(1, -3), int(2, 1), text(8, "w"))), "E_MODEL_TENSOR_DIMS", /-3/],
    ["rank 65", model(relu, ...io, bytes(5, ...Array.from({ length: 65 }, () => int(1, 1)), int(2, 1), text(8, "w"))), "E_MODEL_TENSOR_DIMS", /65/],
    ["too much data", model(relu, ...io, bytes(5, int(1, 1), int(2, 1), text(8, "w"), bytes(9, [1, 2, 3, 4, 5]))), "E_MODEL_TENSOR_DATA", /too much/],
    ["dims that wrap around 2^64", model(relu, ...io, bytes(5, int(1, 2 ** 32), int(1, 2 ** 32), int(2, 1), text(8, "w"))), "E_MODEL_TENSOR_DATA", /18446744073709551616/],
    ["a name that is not UTF-8", model(bytes(1, bytes(1, [0xc3, 0x28]), node("Relu", [], ["y"])), ...io), "E_MODEL_UTF8", /UTF-8/],
    ["a node without operator", model(bytes(1, text(1, "x"), text(2, "y")), ...io), "E_MODEL_NODE", /no operator/],
    ["an output that nothing makes", model(...io), "E_MODEL_OUTPUT", /no node makes/],
    ["an input without a name", model(relu, bytes(11, int(9, 1)), ...io), "E_MODEL_NAME", /an input without a name/],
    ["two opsets of one domain", file(int(1, 8), bytes(7, relu, ...io), opset17, bytes(8, text(1, "ai.onnx"), int(2, 9))), "E_MODEL_OPSET", /two versions/],
    ["a node that reads itself", model(bytes(1, node("Add", ["x", "y"], ["y"])), ...io), "E_MODEL_CYCLE", /circle/],
    ["the same function twice", file(int(1, 8), bytes(7, relu, ...io), opset17, bytes(25, text(1, "f")), bytes(25, text(1, "f"))), "E_MODEL_DUPLICATE", /twice/],
  ] as const)("%s", (_, content, code, message) => {
    const error = failure(content);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  }); // prettier-ignore

  it("a cut model is called cut at any length", () => {
    const whole = readBytes(`${fixtures}/conv-bn-relu.onnx`);
    for (let length = 40; length < whole.length; length += 37) {
      const { code } = failure(whole.subarray(0, length));
      expect(["E_MODEL_TRUNCATED", "E_MODEL_NO_GRAPH"]).toContain(code);
    }
  });

  it("finds external locations that lead elsewhere, wherever the tensor is", () => {
    const tensor = (location: string): number[] => [
      ...int(1, 1), ...int(2, 1), ...text(8, "w"), ...bytes(13, text(1, "location"), text(2, location)), ...int(14, 1),
    ]; // prettier-ignore
    const places = (location: string): Uint8Array[] => [
      model(relu, ...io, bytes(5, tensor(location))),
      model(bytes(1, node("Constant", [], ["w"], bytes(5, text(1, "value"), bytes(5, tensor(location)), int(20, 4)))), relu, ...io),
      model(relu, ...io, bytes(15, bytes(1, tensor(location)))),
      model(bytes(1, node("Constant", [], ["w"], bytes(5, text(1, "sparse_value"), bytes(22, bytes(1, tensor(location))), int(20, 11)))), relu, ...io),
      file(int(1, 8), bytes(7, relu, ...io), opset17, bytes(25, text(1, "f"), bytes(11, text(1, "a"), bytes(5, tensor(location)), int(20, 4)))),
      file(int(1, 8), bytes(7, relu, ...io), opset17, bytes(20, bytes(1, bytes(5, tensor(location))))),
    ]; // prettier-ignore
    const bad = [
      "../w",
      "/etc/passwd",
      "a/../../w",
      "..",
      "",
      "a\0b",
      "C:w",
      "\\\\host\\share",
      "w:stream",
      "a/",
      "a\\..\\w",
      "*/_ORT_MEM_ADDR_/*\\1",
    ];
    for (const location of bad) {
      for (const content of places(location)) expect(failure(content).code).toBe("E_MODEL_EXTERNAL_PATH");
    }
  });
});

describe("budgets", () => {
  const repeated = (unit: readonly number[], size: number): Uint8Array => {
    const out = new Uint8Array(size - (size % unit.length));
    for (let i = 0; i < out.length; i++) out[i] = unit[i % unit.length]!;
    return out;
  };
  const inGraph = (content: Uint8Array): Uint8Array => {
    const head = file(int(1, 8), [0x3a], int(0, content.length).slice(1));
    return Uint8Array.from([...head, ...content]);
  };

  it.each([
    ["4 MB of empty nodes", [0x0a, 0x00]],
    ["4 MB of empty initializers", [0x2a, 0x00]],
    ["4 MB of empty inputs", [0x5a, 0x00]],
    ["4 MB of unknown fields", [0x98, 0x06, 0x00]],
  ])("%s are refused before decoding", (_, unit) => {
    const content = inGraph(repeated(unit, 4 * 2 ** 20));
    const before = process.memoryUsage().heapUsed;
    expect(failure(content).code).toBe("E_MODEL_LIMIT");
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 2 ** 20);
  });

  it("4 MB of empty metadata are cheap", () => {
    const content = inGraph(repeated([0x82, 0x01, 0x00], 4 * 2 ** 20));
    const before = process.memoryUsage().heapUsed;
    expect(decodeModel(content).graph.nodeCount).toBe(0);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 2 ** 20);
  });

  it("a file of 0a 00 is refused", () => {
    expect(["E_MODEL_LIMIT", "E_MODEL_FORMAT"]).toContain(failure(repeated([0x0a, 0], 4 * 2 ** 20)).code);
  });

  it("nesting is bounded, of messages, groups and subgraphs", () => {
    let content: number[] = [];
    for (let i = 0; i < 40; i++)
      content = bytes(
        1,
        node("If", [], ["y"], bytes(5, text(1, "then_branch"), bytes(6, content), int(20, 5))),
      );
    expect(failure(model(content)).code).toBe("E_MODEL_LIMIT");
    const depth = 150;
    const group = file(...Array.from({ length: 2 * depth }, (_, i) => [i < depth ? 0xfb : 0xfc, 0x06]));
    expect(failure(group).code).toBe("E_MODEL_LIMIT");
  });

  it("legitimate files are far from them", () => {
    for (const path of goodFiles) {
      const content = readBytes(path);
      const { heap } = scan(content, "model");
      expect(heap).toBeLessThan(64 * 2 ** 20);
    }
    const nodes: number[][] = [];
    for (let i = 0; i < 50_000; i++)
      nodes.push(
        bytes(1, node("Relu", [i === 0 ? "x" : `value_${i}`], [`value_${i + 1}`], text(3, `node_${i}`))),
      );
    const big = model(...nodes, ...io.slice(0, 1), bytes(12, info("value_50000", 2)));
    expect(decodeModel(big).graph.nodeCount).toBe(50_000);
  });
});

describe("any bytes", () => {
  const seeds = goodFiles.map(readBytes).filter(({ length }) => length < 4000);

  it("give a model or a typed error", () => {
    const mutation = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom("flip", "insert", "delete", "cut", "copy"),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(
        fc.nat(seeds.length - 1),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (seed, mutations) => {
          let content = [...seeds[seed]!];
          for (const { at, kind, byte } of mutations) {
            const place = at % (content.length + 1);
            if (kind === "flip") content[place] = byte;
            if (kind === "insert") content.splice(place, 0, byte);
            if (kind === "delete") content.splice(place, 1 + (byte % 8));
            if (kind === "cut") content = content.slice(0, Math.max(place, 1));
            if (kind === "copy") content.splice(place, 0, ...content.slice(place, place + byte));
          }
          try {
            const decoded = decodeModel(Uint8Array.from(content));
            const written = encodeModel(decoded);
            // What was written is a fixed point.
            expect(Buffer.compare(encodeModel(decodeModel(written)), written)).toBe(0);
          } catch (error) {
            if (!(error instanceof ConvoptError)) throw error;
            expect(error.code).not.toBe("E_INTERNAL");
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("of no known format are not guessed at", () => {
    expect(recognise(Uint8Array.of(1, 2, 3, 4))).toBeNull();
    expect(recognise(new Uint8Array())).toBeNull();
  });
});
