import fc from "fast-check";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataHash, modelHash, openJournal, type RunIdentity } from "../../src/api/journal.js";
import { load, loadDataOf, optimizeFile, Tensor, type OptimizeOptions } from "../../src/index.js";
import type { JournalValue } from "../../src/search/index.js";
import { graph, scratchFolder, spawnCli } from "../cli/invoke.js";

const scratch = scratchFolder();
let made = 0;
const newFolder = (): string => join(scratch, `journal-${made++}`);
const identity: RunIdentity = {
  tool: "1",
  model: "m",
  calibration: "c",
  options: { seed: 0, effort: "fast" },
};
const anew = { resume: false };
const resume = { resume: true };
const only = (folder: string, ending: string): string =>
  join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(ending))!,
  );

describe("a journal's files", () => {
  const leaf = fc.oneof(
    fc.float64Array({ maxLength: 5 }),
    fc.float32Array({ maxLength: 5 }),
    fc.int32Array({ maxLength: 5 }),
    fc.integer(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
  ) as fc.Arbitrary<JournalValue>;
  const value = fc.oneof(
    leaf,
    fc.array(leaf, { maxLength: 3 }),
    fc.dictionary(fc.string().filter((key) => !key.startsWith("$") && key !== "__proto__"), leaf, { noNullPrototype: true }),
  ); // prettier-ignore

  it("give back what was written, bit for bit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 5 }), async (values) => {
        const folder = newFolder();
        const first = await openJournal(folder, identity, anew);
        values.forEach((each, i) => first.write(`unit ${i}`, each));
        first.close();
        const second = await openJournal(folder, identity, resume);
        values.forEach((each, i) => expect(second.read(`unit ${i}`)).toEqual(each));
        expect(second.read("unit x")).toBeUndefined();
        second.remove();
        expect(existsSync(folder)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  it("hold every whole line wherever the last one was torn, and go on from there", async () => {
    const folder = newFolder();
    const units = ["ä", "b", "c"];
    const journal = await openJournal(folder, identity, anew);
    const ends = units.map((unit, i) => {
      journal.write(unit, { numbers: Float64Array.of(i, 0.1 * i) });
      return statSync(only(folder, ".jsonl")).size;
    });
    journal.close();
    const path = only(folder, ".jsonl");
    const whole = readFileSync(path);
    for (let length = 0; length <= whole.length; length += 3) {
      writeFileSync(path, whole.subarray(0, length));
      const torn = await openJournal(folder, identity, resume);
      const expected = ends.filter((end) => end <= length).length;
      expect(torn.size).toBe(expected);
      torn.write("more", Float64Array.of(7));
      torn.close();
      const again = await openJournal(folder, identity, resume);
      expect(again.size).toBe(expected + 1);
      expect(again.read("more")).toEqual(Float64Array.of(7));
      if (expected > 0) expect(again.read("ä")).toEqual({ numbers: Float64Array.of(0, 0) });
      again.close();
    }
  });

  it("are checked: a unit whose bytes changed isn't there", async () => {
    const folder = newFolder();
    const journal = await openJournal(folder, identity, anew);
    journal.write("a", Float64Array.of(1, 2));
    journal.write("b", Float64Array.of(3));
    journal.close();
    const path = only(folder, ".bin");
    const bytes = readFileSync(path);
    bytes[3]! ^= 1;
    writeFileSync(path, bytes);
    const changed = await openJournal(folder, identity, resume);
    expect(changed.read("a")).toBeUndefined();
    expect(changed.read("b")).toEqual(Float64Array.of(3));
    changed.close();
    truncateSync(path, 17);
    const cut = await openJournal(folder, identity, resume);
    expect(cut.read("b")).toBeUndefined();
    cut.close();
    writeFileSync(
      only(folder, ".jsonl"),
      readFileSync(only(folder, ".jsonl"), "utf8").replace('"unit":"a"', '"unit":"z"'),
    );
    const renamed = await openJournal(folder, identity, resume);
    expect(renamed.read("z")).toBeUndefined();
    renamed.close();
  });

  it("survive nonsense", async () => {
    for (const text of [
      "",
      "\n",
      "{}\n",
      "[]\n{}\n",
      "not json\n",
      '{"schema":1}\n{"schema":2}\n',
      '{"unit":"a"}\n',
      "null\n",
    ]) {
      const folder = newFolder();
      (await openJournal(folder, identity, anew)).close();
      writeFileSync(only(folder, ".jsonl"), text);
      const journal = await openJournal(folder, identity, resume);
      expect(journal.read("a")).toBeUndefined();
      journal.write("a", "sound");
      journal.close();
      const again = await openJournal(folder, identity, resume);
      expect(again.read("a"), JSON.stringify(text)).toBe("sound");
      again.close();
    }
    const folder = newFolder();
    (await openJournal(folder, identity, anew)).close();
    for (const reference of ["[-8,1]", "[0,1e15]", '["0",{}]', "null", "[0]", "7"]) {
      appendFileSync(only(folder, ".jsonl"), `{"unit":"a","value":{"$f64":${reference}},"sum":"0"}\n`);
      const journal = await openJournal(folder, identity, resume);
      expect(journal.read("a"), reference).toBeUndefined();
      journal.close();
    }
  });

  it("start anew without --resume", async () => {
    const folder = newFolder();
    const journal = await openJournal(folder, identity, anew);
    journal.write("a", 1);
    journal.close();
    const second = await openJournal(folder, identity, anew);
    expect(second.read("a")).toBeUndefined();
    second.close();
    expect((await openJournal(folder, identity, resume)).size).toBe(0);
  });

  it("of another run are left alone, and told", async () => {
    const folder = newFolder();
    const journal = await openJournal(folder, identity, anew);
    journal.write("a", 1);
    journal.close();
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const other = { ...identity, model: "n", options: { ...identity.options, seed: 1 } };
    const second = await openJournal(folder, other, { ...resume, onWarning });
    expect(warnings.join()).toContain("another run (model, seed differ)");
    expect(second.read("a")).toBeUndefined();
    second.remove();
    expect((await openJournal(folder, identity, resume)).read("a")).toBe(1);
    await openJournal(newFolder(), identity, { ...resume, onWarning });
    expect(warnings.at(-1)).toContain("no journal to resume");
  });

  it("cannot be where a file is", async () => {
    const path = join(scratch, "file");
    writeFileSync(path, "");
    await expect(openJournal(path, identity, anew)).rejects.toMatchObject({ exitCode: 4 });
    mkdirSync(join(scratch, "f"), { recursive: true });
    await expect(openJournal(join(path, "deeper"), identity, anew)).rejects.toMatchObject({ exitCode: 4 });
  });
});

describe("hashes", () => {
  it("follow weights and samples", async () => {
    const [a, b] = [await load(graph("residual-block")), await load(graph("residual-block"))];
    expect(await modelHash(a)).toBe(await modelHash(b));
    const weight = b.graph.initializers.find(({ initializer }) => initializer!.dims.length === 4)!;
    const numbers = Float32Array.from(weight.initializer!.numbers);
    numbers[0]! += 1e-3;
    weight.initializer_ = Tensor.f32(weight.initializer!.dims, numbers);
    expect(await modelHash(a)).not.toBe(await modelHash(b));
    const data = (x: number): Promise<string> => {
      const values = new Float32Array(3 * 4 * 8 * 8).fill(0.5);
      values[values.length - 1] = x;
      return dataHash(
        loadDataOf(new Map([[a.graph.requiredInputs[0]!.name, Tensor.f32([3, 4, 8, 8], values)]]), a),
      );
    };
    expect(await data(1)).toBe(await data(1));
    expect(await data(1)).not.toBe(await data(2));
  });
});

describe("a resumed run", () => {
  const model = graph("residual-block");
  const base: OptimizeOptions = { budget: { keepMacs: 0.5 }, effort: "fast", engine: "reference", seed: 3 };
  const sha = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

  it("gives the same bytes wherever it was stopped, and computes nothing twice", async () => {
    const whole = join(scratch, "whole.onnx");
    let events = 0;
    await optimizeFile(model, whole, { ...base, onProgress: () => void events++ });
    expect(readdirSync(scratch)).not.toContain("whole.onnx.convopt-journal");
    for (let stop = 2; stop < events; stop += Math.max(1, Math.floor(events / 4))) {
      const output = join(scratch, `stopped-${stop}.onnx`);
      const controller = new AbortController();
      let seen = 0;
      const onProgress = (): void => {
        if (++seen === stop) controller.abort(new Error("stop"));
      };
      await expect(
        optimizeFile(model, output, { ...base, onProgress, signal: controller.signal }),
      ).rejects.toThrow("stop");
      expect(existsSync(output) && sha(output) !== sha(whole)).toBe(false);
      const folder = `${output}.convopt-journal`;
      const lines = existsSync(folder) ? readFileSync(only(folder, ".jsonl"), "utf8").split("\n") : [];
      await optimizeFile(model, output, {
        ...base,
        resume: true,
        ...(lines.length > 0 ? { journal: folder, keepJournal: true } : {}),
      });
      expect(sha(output)).toBe(sha(whole));
      if (lines.length === 0) continue;
      const after = readFileSync(only(folder, ".jsonl"), "utf8").split("\n");
      expect(after.slice(0, lines.length - 1)).toEqual(lines.slice(0, -1));
      const units = after.slice(1, -1).map((line) => (JSON.parse(line) as { unit: string }).unit);
      expect(new Set(units).size).toBe(units.length);
    }
  });

  it("goes on after kill -9", async () => {
    const whole = join(scratch, "child-whole.onnx");
    await optimizeFile(model, whole, base);
    const output = join(scratch, "killed.onnx");
    const args = ["optimize", model, output, "--keep-macs", "0.5", "--effort", "fast", "--engine", "reference", "--seed", "3"]; // prettier-ignore
    const folder = `${output}.convopt-journal`;
    for (const units of [1, 4]) {
      const killed = await spawnCli([...args, "--resume"], {
        onStart: (child) => {
          const timer = setInterval(() => {
            if (!existsSync(folder) || readdirSync(folder).length < 2) return;
            if (readFileSync(only(folder, ".jsonl"), "utf8").split("\n").length < units + 2) return;
            clearInterval(timer);
            child.kill("SIGKILL");
          }, 2);
          child.on("close", () => clearInterval(timer));
        },
      });
      if (killed.signal !== "SIGKILL") expect(killed.code).toBe(0);
    }
    const { code } = await spawnCli([...args, "--resume"]);
    expect(code).toBe(0);
    expect(sha(output)).toBe(sha(whole));
    expect(existsSync(folder)).toBe(false);
  });
});

describe("an interrupted run", () => {
  it("says how to go on and ends with 130; the same command with --resume finishes", async () => {
    const output = join(scratch, "interrupted.onnx");
    const args = ["optimize", graph("residual-block"), output, "--keep-macs", "0.5", "--engine", "reference"];
    const folder = `${output}.convopt-journal`;
    const { code, stderr } = await spawnCli(args, {
      onStart: (child) => {
        const timer = setInterval(() => {
          if (!existsSync(folder) || readdirSync(folder).length < 2) return;
          clearInterval(timer);
          child.kill("SIGINT");
        }, 2);
        child.on("close", () => clearInterval(timer));
      },
    });
    expect(stderr).toContain(
      "error[E_INTERRUPTED]: interrupted; run the same command with --resume to go on",
    );
    expect(code).toBe(130);
    expect(existsSync(output)).toBe(false);
    expect((await spawnCli([...args, "--resume"])).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });
});
