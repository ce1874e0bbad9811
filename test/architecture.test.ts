import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Project, SyntaxKind, type SourceFile } from "ts-morph";
import { describe, expect, it } from "vitest";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const project = new Project({
  tsConfigFilePath: join(root, "tsconfig.json"),
  skipAddingFilesFromTsConfig: true,
});
project.addSourceFilesAtPaths(["cli.ts", "src/**/*.ts", "passes/**/*.ts"].map((glob) => join(root, glob)));
const sources = project.getSourceFiles().filter((file) => !file.isDeclarationFile());
const pathOf = (file: SourceFile): string => relative(root, file.getFilePath());
const isGenerated = (path: string): boolean => path.includes("/generated/");

/** Room → rooms it may import, from the table in docs/architecture.md. */
const arrows = new Map(
  [
    ...readFileSync(join(root, "docs", "architecture.md"), "utf8").matchAll(
      /^\| `([^`]+)` *\|[^|]*\|([^|]*)\|$/gm,
    ),
  ].map(([, room, targets]) => [
    room!,
    new Set([...targets!.matchAll(/`([^`]+)`/g)].map(([, target]) => target!)),
  ]),
);

function roomOf(path: string): string {
  if (arrows.has(path)) return path;
  const parts = path.split("/");
  return parts[0] === "src" ? parts.slice(0, 2).join("/") : parts[0]!;
}

/** Relative imports of a file, as paths from the root. Type-only imports count: they are knowledge too. */
function importsOf(file: SourceFile): string[] {
  const specifiers = [...file.getImportDeclarations(), ...file.getExportDeclarations()]
    .map((declaration) => declaration.getModuleSpecifierValue())
    .filter((specifier): specifier is string => specifier?.startsWith(".") ?? false);
  const dynamic = file
    .getDescendantsOfKind(SyntaxKind.CallExpression)
    .filter((call) => call.getExpression().getKind() === SyntaxKind.ImportKeyword)
    .map((call) => call.getArguments()[0]?.asKind(SyntaxKind.StringLiteral)?.getLiteralValue())
    .filter((specifier): specifier is string => specifier?.startsWith(".") ?? false);
  return [...specifiers, ...dynamic].map((specifier) =>
    relative(root, join(dirname(file.getFilePath()), specifier)).replace(/\.js$/, ".ts"),
  );
}

describe("import arrows", () => {
  it("reads the table", () => {
    expect(arrows.size).toBeGreaterThan(12);
    expect(arrows.get("src/ir")).toEqual(new Set());
    expect(arrows.get("src/measure")).toEqual(new Set(["src/ir", "src/ops"]));
  });

  it("knows every room", () => {
    expect(sources.map((file) => roomOf(pathOf(file))).filter((room) => !arrows.has(room))).toEqual([]);
  });

  it.each([...arrows.keys()])("%s imports only what it may", (room) => {
    const allowed = arrows.get(room)!;
    const wrong = sources
      .filter((file) => roomOf(pathOf(file)) === room)
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => roomOf(target) !== room && !allowed.has(roomOf(target)) && !allowed.has(target))
          .map((target) => `${pathOf(file)} → ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  it("reaches Node's own modules only where files, processes or the terminal are", () => {
    const nodeRooms = ["src/cli", "cli.ts", "src/api", "src/runtime", "src/calib", "src/onnx"];
    const wrong = sources
      .filter((file) => !nodeRooms.includes(roomOf(pathOf(file))))
      .filter((file) =>
        file.getImportDeclarations().some((i) => i.getModuleSpecifierValue().startsWith("node:")),
      )
      .map(pathOf);
    expect(wrong).toEqual([]);
  });

  it("reads the environment only in the command line", () => {
    const wrong = sources
      .filter((file) => !["src/cli", "cli.ts"].includes(roomOf(pathOf(file))) && !isGenerated(pathOf(file)))
      .filter((file) => /\bprocess\.env\b(?!\["ORT_DISABLE_TELEMETRY"\])/.test(file.getText()))
      .map(pathOf);
    expect(wrong).toEqual([]);
  });
});

describe("files", () => {
  it("stay readable at one sitting", () => {
    const long = sources
      .map((file) => ({ path: pathOf(file), lines: file.getEndLineNumber() }))
      .filter(({ path, lines }) => !isGenerated(path) && lines > 400);
    expect(long).toEqual([]);
  });

  it("name what they hold", () => {
    const vague = sources
      .map(pathOf)
      .filter((path) => /(^|\/)(utils?|helpers?|misc|common|shared)\.ts$/.test(path));
    expect(vague).toEqual([]);
  });

  it("are kebab-case", () => {
    const odd = sources
      .map(pathOf)
      .filter((path) => !/^[a-z0-9]+([-./][a-z0-9]+)*\.ts$/.test(path.replaceAll("/", ".")));
    expect(odd).toEqual([]);
  });

  it("have no stray any", () => {
    const anys = sources
      .filter((file) => !isGenerated(pathOf(file)))
      .flatMap((file) =>
        file
          .getDescendantsOfKind(SyntaxKind.AnyKeyword)
          .map((node) => `${pathOf(file)}:${node.getStartLineNumber()}`),
      );
    expect(anys).toEqual([]);
  });
});

describe("passes", () => {
  const passFiles = sources.filter(
    (file) => /^passes\/[^/]+\.ts$/.test(pathOf(file)) && pathOf(file) !== "passes/index.ts",
  );

  it("exist", () => {
    expect(passFiles.length).toBeGreaterThanOrEqual(18);
  });

  it.each(passFiles.map((file) => [pathOf(file), file] as const))(
    "%s is one rewrite, explained, tested and in the preset",
    (path, file) => {
      const name = path.replace(/^passes\/|\.ts$/g, "");
      const exported = file.getExportAssignments();
      expect(exported.length, "one default export").toBe(1);
      expect(exported[0]!.getExpression().getText(), "made by definePass").toMatch(/^definePass\(/);
      expect(file.getText(), "its name is its file's").toContain(`name: "${name}"`);
      expect(file.getExportedDeclarations().size, "nothing else is exported").toBe(1);
      expect(
        file.getStatements()[0]!.getLeadingCommentRanges().length + commentsIn(file),
        "a header comment",
      ).toBeGreaterThan(0);
      const preset = readFileSync(join(root, "passes", "index.ts"), "utf8");
      expect(preset, "its line in the preset").toContain(`"./${name}.js"`);
      expect(existsSync(join(root, "docs", "passes", `${name}.md`)), "its page").toBe(true);
      expect(existsSync(join(root, "test", "passes", `${name}.test.ts`)), "its test").toBe(true);
    },
  );

  it("import no other pass", () => {
    const wrong = passFiles.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith("passes/"))
        .map((target) => `${pathOf(file)} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  function commentsIn(file: SourceFile): number {
    return /\/\*\*?[\s\S]{80,}?\*\//.test(file.getText()) ? 1 : 0;
  }
});
