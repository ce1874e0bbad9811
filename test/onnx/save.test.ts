import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync, copyFileSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync,
  symlinkSync, truncateSync, utimesSync, writeFileSync,
} from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GraphBuilder, IoError, Model, ModelError, Tensor } from "../../src/ir/index.js";
import { decodeModel, encodeModel, loadModel, saveModel } from "../../src/onnx/index.js";
import { messages, readMessage } from "../../src/onnx/proto.js";
import { fixtures, readBytes } from "./wire.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "convopt-save-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const plain = join(fixtures, "conv-bn-relu.onnx");
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

async function failure(promise: Promise<unknown>): Promise<IoError | ModelError> {
  return promise.then(
    () => {
      throw new Error("nothing was thrown");
    },
    (error: unknown) => {
      expect(error instanceof IoError || error instanceof ModelError).toBe(true);
      return error as IoError;
    },
  );
}

describe("saving", () => {
  it("writes the same bytes and says their hash", async () => {
    const model = await loadModel(plain);
    expect(model.file).toEqual({ path: plain, sha256: sha256(plain), bytes: readBytes(plain).length });
    const out = join(folder, "out.onnx");
    const file = await saveModel(model, out);
    expect(file).toEqual({ path: out, sha256: sha256(plain), bytes: readBytes(plain).length });
    expect(readFileSync(out).equals(readFileSync(plain))).toBe(true);
    expect(readdirSync(folder)).toEqual(["out.onnx"]);
  });

  it("over its own input is safe, twice too, and keeps the mode", async () => {
    const path = join(folder, "model.onnx");
    copyFileSync(plain, path);
    chmodSync(path, 0o640);
    const model = await loadModel(path);
    model.metadata.set("note", "1");
    await saveModel(model, path);
    model.metadata.set("note", "2");
    await saveModel(model, path);
    const again = await loadModel(path);
    expect(again.metadata.get("note")).toBe("2");
    expect(again.graph.initializers.map((value) => value.initializer!.data.length)).toEqual(
      model.graph.initializers.map((value) => value.initializer!.data.length),
    );
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
  });

  it("refuses to overwrite an input that changed meanwhile", async () => {
    const path = join(folder, "model.onnx");
    copyFileSync(plain, path);
    const model = await loadModel(path);
    copyFileSync(join(fixtures, "conv1d.onnx"), path);
    const before = sha256(path);
    expect((await failure(saveModel(model, path))).code).toBe("E_IO_CHANGED");
    expect(sha256(path)).toBe(before);
  });

  it("writes through a symbolic link", async () => {
    const real = join(folder, "real.onnx");
    copyFileSync(join(fixtures, "conv1d.onnx"), real);
    symlinkSync("real.onnx", join(folder, "link.onnx"));
    await saveModel(await loadModel(plain), join(folder, "link.onnx"));
    expect(sha256(real)).toBe(sha256(plain));
  });

  it.each([
    ["no/such/folder.onnx", "E_IO_NOT_FOUND"],
    [".", "E_IO_DIRECTORY"],
    [`${"n".repeat(300)}.onnx`, "E_IO_NAME"],
  ])("%s is an IoError with the path", async (name, code) => {
    const path = join(folder, name);
    const error = await failure(saveModel(await loadModel(plain), path));
    expect(error).toBeInstanceOf(IoError);
    expect(error.code).toBe(code);
    expect(error.exitCode).toBe(4);
    expect(error.where.file).toBeDefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(!existsSync("/dev/full"))("a full device is exit 4", async () => {
    const error = await failure(saveModel(await loadModel(plain), "/dev/full"));
    expect(error.code).toBe("E_IO_FULL");
    expect(error.where.file).toBe("/dev/full");
    expect(existsSync("/dev/full")).toBe(true);
  });

  it("a failure at any step leaves the old file and nothing else", async () => {
    const path = join(folder, "model.onnx");
    const model = await loadModel(join(fixtures, "external-data", "model.onnx"));
    for (let step = 0; ; step++) {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      copyFileSync(plain, path);
      let count = 0;
      const onStep = (name: string): void => {
        if (count++ === step) throw Object.assign(new Error(name), { code: "ENOSPC" });
      };
      const error = await saveModel(model, path, { onStep }).then(() => null, (reason: unknown) => reason as IoError); // prettier-ignore
      if (!error) {
        expect(step).toBeGreaterThan(6);
        break;
      }
      if (existsSync(join(folder, "weights.bin"))) expect(sha256(join(folder, "weights.bin"))).toBe(sha256(join(fixtures, "external-data", "weights.bin"))); // prettier-ignore
      expect([sha256(plain), sha256(join(fixtures, "external-data", "model.onnx"))]).toContain(sha256(path));
      expect(readdirSync(folder).filter((name) => name.includes("tmp"))).toEqual([]);
      expect(error.code).toBe("E_IO_FULL");
    }
  });

  it("survives kill -9 at random moments", async () => {
    const target = join(folder, "model.onnx");
    const other = join(fixtures, "conv1d.onnx");
    copyFileSync(plain, target);
    const allowed = [sha256(plain), sha256(other)];
    const here = dirname(fileURLToPath(import.meta.url));
    for (let round = 0; round < 12; round++) {
      const child = spawn(
        process.execPath,
        ["--import", "tsx", join(here, "save-loop.ts"), plain, other, target],
        {
          cwd: join(here, "..", ".."),
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      await new Promise((ready) => child.stdout.once("data", ready));
      await new Promise((later) => setTimeout(later, Math.random() * 40));
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await ended;
      expect(allowed).toContain(sha256(target));
    }
    await saveModel(await loadModel(plain), target);
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
  }, 240_000);

  it("removes what a killed run left, not what a running one has", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await saveModel(await loadModel(plain), join(folder, "a.onnx"), {
      onStep: (step) => {
        if (step !== "opened") return;
        const own = readdirSync(folder).find((name) => name.endsWith("convopt-tmp"))!;
        writeFileSync(join(folder, own.replace(`-${process.pid}-`, `-${pid}-`)), "left");
        writeFileSync(
          join(folder, own.replace(/[0-9a-f]{8}\.convopt-tmp/, "00000000.convopt-tmp")),
          "running",
        );
      },
    });
    expect(readdirSync(folder).length).toBe(3);
    await saveModel(await loadModel(plain), join(folder, "a.onnx"));
    expect(readdirSync(folder).filter((name) => name !== "a.onnx")).toEqual([
      expect.stringMatching(/00000000\.convopt-tmp$/),
    ]);
  });
});

describe("external data", () => {
  const source = join(fixtures, "external-data");

  function copied(): string {
    cpSync(source, join(folder, "in"), { recursive: true });
    return join(folder, "in", "model.onnx");
  }

  it("keeps its layout in another folder, byte by byte", async () => {
    mkdirSync(join(folder, "out"));
    await saveModel(await loadModel(copied()), join(folder, "out", "model.onnx"));
    for (const name of ["model.onnx", "weights.bin"]) {
      expect(readFileSync(join(folder, "out", name)).equals(readFileSync(join(source, name)))).toBe(true);
    }
  });

  it("is not shared by a second model in the same folder, and never overwritten", async () => {
    const path = copied();
    const out = join(folder, "in", "out.onnx");
    const model = await loadModel(path);
    await saveModel(model, out);
    expect(readdirSync(join(folder, "in")).sort()).toEqual([
      "model.onnx",
      "out.onnx",
      "out.weights.bin",
      "weights.bin",
    ]);
    const values = (one: Model): unknown =>
      one.graph.initializers.map((value) => [...value.initializer!.numbers]);
    expect(values(await loadModel(out))).toEqual(values(model));
    expect(sha256(join(folder, "in", "weights.bin"))).toBe(sha256(join(source, "weights.bin")));
    mkdirSync(join(folder, "other"));
    writeFileSync(join(folder, "other", "weights.bin"), "someone else's");
    await saveModel(model, join(folder, "other", "model.onnx"));
    expect(readFileSync(join(folder, "other", "weights.bin"), "utf8")).toBe("someone else's");
    expect(values(await loadModel(join(folder, "other", "model.onnx")))).toEqual(values(model));
  });

  it("moves up when a tensor before it is gone, aligned as before", async () => {
    const path = copied();
    const model = await loadModel(path);
    const [first] = model.graph.initializers.filter((value) => value.name === "conv1.weight");
    first!.initializer_ = Tensor.f32(first!.initializer!.dims, first!.initializer!.numbers.map((x) => 2 * x)); // prettier-ignore
    mkdirSync(join(folder, "out"));
    await saveModel(model, join(folder, "out", "model.onnx"));
    const written = readMessage(messages.model, readBytes(join(folder, "out", "model.onnx"))).graph!
      .initializer!;
    expect(written.find(({ name }) => name === "conv1.weight")!.raw_data!.length).toBe(
      4 * first!.initializer!.size,
    );
    const entries = written.find(({ name }) => name === "output.weight")!.external_data!;
    expect(Number(entries.find(({ key }) => key === "offset")!.value) % 4096).toBe(0);
    const again = await loadModel(join(folder, "out", "model.onnx"));
    expect(again.graph.value("output.weight")!.initializer!.numbers).toEqual(
      model.graph.value("output.weight")!.initializer!.numbers,
    );
  });

  it("takes over weights of a model that grows too large", async () => {
    const model = await loadModel(plain);
    const out = join(folder, "big.onnx");
    await saveModel(model, out, { largestFile: 100 });
    expect(readdirSync(folder).sort()).toEqual(["big.onnx", "big.onnx.data"]);
    const again = await loadModel(out);
    expect(again.graph.initializers.map(({ initializer }) => initializer!.bytes())).toEqual(
      model.graph.initializers.map(({ initializer }) => initializer!.bytes()),
    );
  });

  it("is read lazily, and not from a file that changed", async () => {
    const path = copied();
    const model = await loadModel(path);
    utimesSync(join(folder, "in", "weights.bin"), 1, 1);
    expect(() => model.graph.value("conv1.weight")!.initializer!.data).toThrow(/changed since/);
  });

  const outside = (): string => {
    mkdirSync(join(folder, "outside"), { recursive: true });
    copyFileSync(join(source, "weights.bin"), join(folder, "outside", "weights.bin"));
    return join(folder, "outside", "weights.bin");
  };
  const attacks: Record<string, (weights: string) => void> = {
    "a symbolic link out": (weights) => symlinkSync(outside(), weights),
    "a symbolic link within": (weights) => {
      copyFileSync(join(source, "weights.bin"), `${weights}.real`);
      symlinkSync(`${weights}.real`, weights);
    },
    "a hard link": (weights) => linkSync(outside(), weights),
    "a FIFO": (weights) => expect(spawnSync("mkfifo", [weights]).status).toBe(0),
    "a folder": (weights) => mkdirSync(weights),
    "a device": (weights) => symlinkSync("/dev/zero", weights),
    "a short file": (weights) => {
      copyFileSync(join(source, "weights.bin"), weights);
      truncateSync(weights, 100);
    },
    nothing: () => undefined,
  };

  it.each(Object.keys(attacks))("refuses %s in its place", async (name) => {
    const path = copied();
    rmSync(join(folder, "in", "weights.bin"));
    attacks[name]!(join(folder, "in", "weights.bin"));
    const error = await failure(loadModel(path));
    expect(error.code).toMatch(/^E_(MODEL_EXTERNAL_PATH|MODEL_TENSOR_DATA|IO_NOT_FOUND)$/);
    expect(error.where.tensor).toBe("conv1.weight");
  });

  it("may lie in a folder that is allowed", async () => {
    const path = copied();
    rmSync(join(folder, "in", "weights.bin"));
    symlinkSync(outside(), join(folder, "in", "weights.bin"));
    const model = await loadModel(path, { allowExternal: [join(folder, "outside")] });
    expect(model.graph.value("conv1.weight")!.initializer!.data.length).toBeGreaterThan(0);
  });

  it("decodes from memory with the caller's reader", () => {
    const weights = readBytes(join(source, "weights.bin"));
    const model = decodeModel(readBytes(join(source, "model.onnx")), {
      readExternal: (_location, offset, length) => weights.subarray(offset, offset + length),
    });
    expect(model.graph.value("output.weight")!.initializer!.numbers.length).toBeGreaterThan(0);
    expect(Buffer.from(encodeModel(model)).equals(readFileSync(join(source, "model.onnx")))).toBe(true);
  });
});

describe("loading", () => {
  it.each([
    ["missing.onnx", "E_IO_NOT_FOUND"],
    [".", "E_IO_DIRECTORY"],
  ])("%s is an IoError", async (name, code) => {
    expect((await failure(loadModel(join(folder, name)))).code).toBe(code);
  });

  it("refuses a device, which has no end", async () => {
    expect((await failure(loadModel("/dev/zero"))).code).toBe("E_IO_DEVICE");
  });

  it("writes large tensors without joining them", () => {
    const builder = new GraphBuilder("big");
    builder.initializer("w", Tensor.f32([2 ** 20], new Float32Array(2 ** 20).fill(1)));
    builder.output("w");
    builder.graph.opsets.set("", 17);
    const bytes = encodeModel(new Model(builder.graph));
    expect(
      Buffer.from(messages.model.encode(readMessage(messages.model, bytes)).finish()).equals(bytes),
    ).toBe(true);
  });
});
