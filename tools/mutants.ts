// Mutation testing of passes: changes one thing at a time in a pass and sees whether its tests notice.
//
//   npm run mutants -- fold-batch-norm              a pass by name or file
//   npm run mutants -- forms-lower --limit 30       an entry of tools/mutants.json
//   npm run mutants -- --all --json mutants.json    every pass
//
// Options: --limit N (spread over the file, default 40), --seconds S (per mutant, default 20 and at least three times
// what the unchanged tests take; running out counts as killed), --jobs 1|2, --list, --json FILE, --show (what the tests print). Exit code 1 when the tests fail unchanged or fewer than 90 % are killed.
// Mutants live in copies of the sources in a temporary folder; the checkout is never touched.
import { spawn, type ChildProcess } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { mutantsOf, type Mutant } from "./mutations.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What is mutated and what has to notice. */
interface Subject {
  readonly name: string;
  readonly files: readonly string[];
  readonly tests: readonly string[];
}

interface Outcome {
  readonly mutant: Mutant;
  readonly verdict: "killed" | "timeout" | "survived";
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    limit: { type: "string", default: "40" },
    seconds: { type: "string", default: "20" },
    jobs: { type: "string", default: "1" },
    json: { type: "string" },
    show: { type: "boolean", default: false },
  },
});

const running = new Set<ChildProcess>();

process.exitCode = await main();

async function main(): Promise<number> {
  const subjects = options.all ? allPasses().map(subjectOf) : positionals.map(subjectOf);
  if (subjects.length === 0) {
    console.error(
      "Name a pass (npm run mutants -- fold-batch-norm), an entry of tools/mutants.json, or --all.",
    );
    return 2;
  }
  const copies = Array.from({ length: Number(options.jobs) }, makeCopy);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
  process.on("exit", () => running.forEach(stop));
  process.on("exit", () => copies.forEach((copy) => rmSync(copy, { recursive: true, force: true })));
  const report = [];
  let bad = false;
  for (const subject of subjects) {
    const mutants = spread(
      subject.files.flatMap((file) => mutantsOf(file, read(file))),
      Number(options.limit),
    );
    if (options.list) {
      mutants.forEach((mutant) => console.log(describe(mutant)));
      continue;
    }
    const start = performance.now();
    const sound = await passes(copies[0]!, subject.tests, 600);
    const limit = Math.max(Number(options.seconds), (3 * (performance.now() - start)) / 1000);
    if (!sound) {
      console.error(
        `${subject.name}: its tests fail or are missing without any mutation (${subject.tests.join(", ")})`,
      );
      bad = true;
      continue;
    }
    const outcomes = await judge(subject, mutants, copies, limit);
    const survivors = outcomes.filter(({ verdict }) => verdict === "survived").map(({ mutant }) => mutant);
    const score = outcomes.length === 0 ? 1 : 1 - survivors.length / outcomes.length;
    console.log(
      `${subject.name}: ${outcomes.length - survivors.length} of ${outcomes.length} killed (${(100 * score).toFixed(0)} %)`,
    );
    survivors.forEach((mutant) => console.log(`  survived ${describe(mutant).replaceAll("\n", "\n  ")}`));
    bad ||= score < 0.9;
    report.push({
      ...subject,
      mutants: outcomes.length,
      score,
      survivors,
      timeouts: count(outcomes, "timeout"),
    });
  }
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(report, null, 1) + "\n");
  return bad ? 1 : 0;
}

function allPasses(): string[] {
  const files = readdirSync(join(root, "passes")).filter(
    (file) => file.endsWith(".ts") && file !== "index.ts",
  );
  return files.map((file) => basename(file, ".ts"));
}

function subjectOf(argument: string): Subject {
  const name = basename(argument, ".ts");
  const table = JSON.parse(read("tools/mutants.json")) as Record<string, Omit<Subject, "name"> | undefined>;
  const { files, tests } = table[name] ?? {
    files: [`passes/${name}.ts`],
    tests: [`test/passes/${name}.test.ts`],
  };
  const missing = files.find((file) => !existsSync(join(root, file)));
  if (missing !== undefined) throw new Error(`${missing} does not exist`);
  return { name, files, tests: tests.filter((test) => existsSync(join(root, test))) };
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** A folder with everything that the tests read; what nobody writes is linked. */
function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "convopt-mutants-"));
  for (const name of [
    "src",
    "passes",
    "test",
    "tools",
    "docs",
    "cli.ts",
    "package.json",
    "tsconfig.json",
    "vitest.config.ts",
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  for (const name of ["node_modules", "fixtures"]) symlinkSync(join(root, name), join(copy, name));
  return copy;
}

async function judge(
  subject: Subject,
  mutants: readonly Mutant[],
  copies: readonly string[],
  seconds: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = [...mutants];
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const target = join(copy, mutant.file);
        const original = readFileSync(target, "utf8");
        writeFileSync(target, mutant.text);
        const passed = await passes(copy, subject.tests, seconds);
        writeFileSync(target, original);
        outcomes.push({ mutant, verdict: passed === null ? "timeout" : passed ? "survived" : "killed" });
        if (process.stderr.isTTY) process.stderr.write(passed ? "!" : ".");
      }
    }),
  );
  if (process.stderr.isTTY) process.stderr.write("\n");
  return outcomes;
}

/**
 * True when the tests pass, false when one fails or the mutant does not even parse, null when they take too long. The tests
 * are bundled with what they import and run in a process of their own, which costs a fifth of a run of vitest.
 */
async function passes(copy: string, tests: readonly string[], seconds: number): Promise<boolean | null> {
  if (tests.length === 0) return false;
  // Beside the tests, so that what they read by import.meta.url is where they look for it.
  const bundle = join(copy, dirname(tests[0]!), "mutant.bundle.mjs");
  const imports = tests.map((test) => `import ${JSON.stringify(`./${test}`)};`);
  try {
    await build({
      stdin: {
        contents: [...imports, `import { runTests } from "vitest";`, "await runTests();"].join("\n"),
        resolveDir: copy,
      },
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      alias: { vitest: join(copy, "tools", "mutants-vitest.ts") },
      absWorkingDir: copy,
      logLevel: "silent",
    });
  } catch {
    return false;
  }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bundle], {
      cwd: copy,
      stdio: ["ignore", "ignore", options.show ? "inherit" : "ignore"],
      detached: true,
    });
    running.add(child);
    const timer = setTimeout(() => {
      resolve(null);
      stop(child);
    }, 1000 * seconds);
    child.on("exit", (code) => {
      running.delete(child);
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
}

/** Ends the process group: tests may start children of their own. */
function stop(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
}

/** At most `limit` of them, evenly over the list. */
function spread(mutants: readonly Mutant[], limit: number): Mutant[] {
  if (mutants.length <= limit) return [...mutants];
  return Array.from({ length: limit }, (_, i) => mutants[Math.floor((i * mutants.length) / limit)]!);
}

function count(outcomes: readonly Outcome[], verdict: Outcome["verdict"]): number {
  return outcomes.filter((outcome) => outcome.verdict === verdict).length;
}

function describe({ file, line, kind, before, after }: Mutant): string {
  return `${file}:${line} ${kind}\n  - ${before}\n  + ${after}`;
}
